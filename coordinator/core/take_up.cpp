#include "coordinator/core/take_up.h"

namespace isocost::core {

Retry unblocked(Store& store) {
  std::vector<OpenUnit> units = store.units(store.failed(std::nullopt));
  std::erase_if(units, [](const OpenUnit& unit) { return unit.attempts + unit.lost_workers > 0; });
  return {RequestId{}, std::move(units)};
}

FailureArrived with_losses(SessionId session, wire::FailureMessage message,
                           const std::vector<Digest>& missing, Store& store) {
  FailureArrived event{std::move(session), std::move(message), !missing.empty(), {}};
  if (event.is_missing) event.lost = store.makers(missing);
  if (event.is_missing || event.message.failure.missing.empty()) return event;
  const auto known = store.find_unit(event.message.unit);
  event.is_missing = known && store.was_remade(known->id, event.message.attempt);
  return event;
}

std::vector<Event> follow_up(const Effects& effects, Store& store) {
  std::vector<Event> events;
  for (const std::string& worker : effects.reconsider) {
    std::vector<OpenUnit> units = store.units(store.failed_by(worker));
    if (units.empty()) continue;
    events.emplace_back(Reconsidered{worker, std::move(units)});
    events.emplace_back(unblocked(store));
  }
  return events;
}

}  // namespace isocost::core

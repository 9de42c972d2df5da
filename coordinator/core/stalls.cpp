#include "coordinator/core/stalls.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "schema/units/kind.h"

namespace isocost::core {
namespace {

std::string minutes_text(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::minutes>(time).count()) + " min";
}

}  // namespace

Paces::Work Stalls::work_of(const Session& session, const Unit& unit) {
  return {.device_class = session.device_class,
          .work = unit.work_class,
          .gflops = unit.gflops,
          .has_network = units::row_of(unit.kind).has_network,
          .stalls = unit.stalls};
}

// What a unit took is what its worker says, or longer, by this clock.
void Stalls::time_it(const Unit& unit, const ResultArrived& event, Instant now) {
  const auto* leased = std::get_if<Leased>(&unit.state);
  if (leased == nullptr || leased->session != event.session ||
      leased->attempt != event.message.attempt)
    return;
  const Session& session = sessions_.at(event.session);
  double seconds = std::chrono::duration<double>(now - session.began).count();
  const Json& measured = event.message.result.measured;
  if (const auto told = measured.is_object() ? measured.find("seconds") : measured.end();
      told != measured.end() && told->is_number() && std::isfinite(told->get<double>()))
    seconds = std::max(seconds, told->get<double>());
  paces_.observe(work_of(session, unit), seconds);
}

// Of what it computes; of all that it holds, where that is none of it.
Duration Stalls::limit_of(const Session& session) const {
  Duration limit{0};
  const std::map<UnitId, Attempt> suspected = leases_.suspects(session);
  for (const UnitId id : session.leases) {
    if (!suspected.empty() && !suspected.contains(id)) continue;
    const Unit& unit = table_.at(id);
    limit = std::max(limit, paces_.limit(work_of(session, unit)));
  }
  return limit;
}

void Stalls::take_stalled_elsewhere(Instant now) {
  if (now < next_look_) return;
  next_look_ = now + kStallLook;
  for (auto& [unused, session] : sessions_)
    if (!session.leases.empty() && now - session.began > limit_of(session))
      take_elsewhere(session, now);
}

// Only where somebody else could do it: alone, a slow worker is better than none.
void Stalls::take_elsewhere(Session& session, Instant now) {
  const Duration limit = limit_of(session);
  for (const auto& [id, attempt] : leases_.suspects(session)) {
    Unit* found = table_.find(id);
    if (found == nullptr || !eligibility_.has_elsewhere(*found, session.worker, now)) continue;
    Unit& unit = *found;
    ++count_;
    ++unit.stalls;
    session.stalled = unit.name;
    const std::string what = "the worker " + session.worker + " did not finish it within " +
                             minutes_text(limit) + ", far longer than such a unit takes";
    note(log::Incident::kOverdue, unit.name, what + "; it is taken elsewhere");
    blame_.fail_attempt(unit, {attempt, {FailureClass::kStalled, what, {}}, session.worker}, now);
  }
  if (!session.stalled) session.stalled = leases_.occupied_by(session);
  if (!session.stalled) return;
  // What it holds besides waits behind that one.
  const std::set<UnitId> behind = session.leases;
  for (const UnitId id : behind) leases_.detach(table_.at(id), now);
  must_dispatch_ = true;
}

}  // namespace isocost::core

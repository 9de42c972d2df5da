#include "coordinator/core/eligibility.h"

#include <algorithm>

namespace isocost::core {

bool Eligibility::can_run(Session& session, ClassId id) {
  const auto index = static_cast<std::size_t>(id);
  if (session.can_run.size() <= index) session.can_run.resize(index + 1, std::int8_t{-1});
  std::int8_t& known = session.can_run[index];
  if (known < 0) known = check_can_run(session, id) ? 1 : 0;
  return known == 1;
}

bool Eligibility::check_can_run(const Session& session, ClassId id) const {
  const WorkClass& of = table_.work_class(id);
  if (session.memory_bytes != 0 && of.memory_bytes > session.memory_bytes) return false;
  return std::all_of(of.inputs.begin(), of.inputs.end(),
                     [&](const std::string& input) { return session.inventory->contains(input); });
}

// Whether another worker that takes part, and has not failed it, could compute the unit. A worker
// that is not known to do anything well waits for those that are and were here a moment ago, and
// after a start for whoever was here before it.
bool Eligibility::has_elsewhere(const Unit& unit, const std::string& worker, Instant now,
                                Elsewhere whom) {
  const auto could = [&](Session& other) {
    return other.worker != worker && !health_.is_resting(other.worker, now) &&
           !has_failed_at(unit, other.worker) && can_run(other, unit.work_class);
  };
  const bool has_other = std::any_of(sessions_.begin(), sessions_.end(), [&](auto& entry) {
    Session& other = entry.second;
    const bool is_between = now - other.began < options_.lease;  // it will say what it wants
    const bool takes_part =
        other.credit > 0 || !other.leases.empty() || is_between || whom == Elsewhere::kAnybody;
    return takes_part && !other.stalled && could(other);
  });
  if (has_other || !health_.is_doubtful(worker)) return has_other;
  if (now - *started_ < kReturnMax && std::any_of(
                                          options_.workers.begin(), options_.workers.end(),
                                          [&](const std::string& other) {
                                            return other != worker && !workers_.contains(other) &&
                                                   !has_failed_at(unit, other);
                                          }))
    return true;
  return std::any_of(absent_.begin(), absent_.end(), [&](auto& entry) {
    return health_.is_proven(entry.first) && could(entry.second.session);
  });
}

// The next attempt is made elsewhere, where there is an elsewhere.
bool Eligibility::is_barred(const Unit& unit, const std::string& worker, Instant now) {
  return has_failed_at(unit, worker) && has_elsewhere(unit, worker, now);
}

bool Eligibility::is_stuck() const {
  if (table_.units().empty() || table_.leased_count() > 0 || sessions_.empty()) return false;
  for (const ClassId id : table_.ready_classes())
    for (const auto& [unused, session] : sessions_)
      if (check_can_run(session, id)) return false;
  return true;
}

}  // namespace isocost::core

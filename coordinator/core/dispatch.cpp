// Eligibility and dispatch of the Core.
#include <algorithm>

#include "base/check.h"
#include "coordinator/core/core.h"
#include "schema/units/kind.h"

namespace isocost::core {
namespace {

// A loss says nothing of who could compute it.
bool has_failed_at(const Unit& unit, const std::string& worker) {
  return std::any_of(unit.failed.begin(), unit.failed.end(), [&](const FailedAttempt& attempt) {
    return !attempt.is_lost && attempt.worker == worker;
  });
}

}  // namespace

// One unit at a time to every worker with room, round and round, so that the first to ask does not
// take what its neighbours could begin with.
void Core::dispatch(Instant now) {
  if (is_draining_) return;
  bool has_progress = true;
  while (has_progress && !table_.ready_classes().empty()) {
    has_progress = false;
    const std::set<SessionId> hungry = hungry_;
    for (const SessionId& id : hungry) {
      Session& session = sessions_.at(id);
      if (session.stalled || !health_.may_begin(session.worker, !session.leases.empty(), now))
        continue;
      has_progress |= lease_one(session, now);
    }
  }
}

bool Core::lease_one(Session& session, Instant now) {
  std::vector<ClassId> classes;
  std::vector<UnitId> units;
  std::vector<Candidate> candidates;
  const std::set<std::string> warm = warm_of(session);
  passed_over_.resize(table_.class_count());
  for (const ClassId id : table_.ready_classes()) {
    if (!can_run(session, id)) continue;
    const WorkClass& of = table_.work_class(id);
    const Unit* unit = best_of(session, of, now);
    if (unit == nullptr) continue;
    classes.push_back(id);
    units.push_back(unit->id);
    candidates.push_back({.priority = unit->priority,
                          .is_warm = warm.contains(of.affinity),
                          .has_network = units::row_of(of.kind).has_network,
                          .passed_over = passed_over_[static_cast<std::size_t>(id)],
                          .workers = of.leased,
                          .gflops = unit->gflops});
  }
  const auto best = choose(candidates);
  if (!best) return false;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    std::uint32_t& passed = passed_over_[static_cast<std::size_t>(classes[i])];
    passed = i == *best ? 0 : passed + 1;
  }
  const Unit& unit = table_.at(units[*best]);
  const Attempt attempt = attempts_.next(unit.name);
  hold(session, unit, attempt, now);
  if (--session.credit == 0) hungry_.erase(session.id);
  send(SendLease{session.id, unit.id, unit.name, unit.kind, attempt});
  return true;
}

// What failed before comes first, so that it is soon known whose fault it was. A worker that failed
// different units in a row shows itself with anything else rather than with one of them.
const Unit* Core::best_of(const Session& session, const WorkClass& of, Instant now) {
  const Unit* retry = nullptr;
  const Unit* its_own = nullptr;
  const Health::Record* record = health_.find(session.worker);
  const bool is_failing = record != nullptr && record->row.size() > 1;
  std::size_t looked_at = 0;
  for (const auto& entry : of.retries) {
    if (retry != nullptr || ++looked_at > kRetriesLookedAt) break;
    const Unit& unit = table_.at(std::get<UnitId>(entry));
    if (is_barred(unit, session.worker, now)) continue;
    const bool is_its_own = is_failing && has_failed_at(unit, session.worker);
    const Unit*& place = is_its_own ? its_own : retry;
    if (place == nullptr) place = &unit;
  }
  if (of.ready.empty()) return retry != nullptr ? retry : its_own;
  const Unit& fresh = table_.at(std::get<UnitId>(*of.ready.begin()));
  return retry != nullptr && retry->priority >= fresh.priority ? retry : &fresh;
}

// The next attempt is made elsewhere, where there is an elsewhere.
bool Core::is_barred(const Unit& unit, const std::string& worker, Instant now) {
  return has_failed_at(unit, worker) && has_elsewhere(unit, worker, now);
}

// Whether another worker that takes part, and has not failed it, could compute the unit. A worker
// that is not known to do anything well waits for those that are and were here a moment ago, and
// after a start for whoever was here before it.
bool Core::has_elsewhere(const Unit& unit, const std::string& worker, Instant now, Elsewhere whom) {
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

std::set<std::string> Core::warm_of(const Session& session) const {
  std::set<std::string> warm{session.warm.begin(), session.warm.end()};
  for (const UnitId id : session.leases)
    warm.insert(table_.work_class(table_.at(id).work_class).affinity);
  return warm;
}

bool Core::can_run(Session& session, ClassId id) {
  const auto index = static_cast<std::size_t>(id);
  if (session.can_run.size() <= index) session.can_run.resize(index + 1, std::int8_t{-1});
  std::int8_t& known = session.can_run[index];
  if (known < 0) known = check_can_run(session, id) ? 1 : 0;
  return known == 1;
}

bool Core::check_can_run(const Session& session, ClassId id) const {
  const WorkClass& of = table_.work_class(id);
  if (session.memory_bytes != 0 && of.memory_bytes > session.memory_bytes) return false;
  return std::all_of(of.inputs.begin(), of.inputs.end(),
                     [&](const std::string& input) { return session.inventory->contains(input); });
}

bool Core::is_stuck() const {
  if (table_.units().empty() || table_.leased_count() > 0 || sessions_.empty()) return false;
  for (const ClassId id : table_.ready_classes())
    for (const auto& [unused, session] : sessions_)
      if (check_can_run(session, id)) return false;
  return true;
}

void Core::check_invariants() const {
  table_.check_invariants();
  health_.check_invariants();
  std::size_t held = 0;
  for (const auto& [id, session] : sessions_) {
    held += session.leases.size();
    for (const UnitId unit : session.leases) {
      const auto* leased = std::get_if<Leased>(&table_.at(unit).state);
      ISOCOST_CHECK(leased != nullptr && leased->session == id, "a session holds its own leases");
    }
    const auto name = workers_.find(session.worker);
    ISOCOST_CHECK(name != workers_.end() && name->second == id, "a name belongs to one session");
    ISOCOST_CHECK(session.credit > 0 || !hungry_.contains(id), "the hungry have credit");
  }
  ISOCOST_CHECK(held == table_.leased_count(), "every lease belongs to a session");
  ISOCOST_CHECK(workers_.size() == sessions_.size(), "every session has a name");
}

}  // namespace isocost::core

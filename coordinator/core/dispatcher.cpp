#include "coordinator/core/dispatcher.h"

#include <algorithm>

#include "coordinator/core/policy.h"
#include "schema/units/kind.h"

namespace isocost::core {

// One unit at a time to every worker with room, round and round, so that the first to ask does not
// take what its neighbours could begin with.
void Dispatcher::dispatch(Instant now) {
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

bool Dispatcher::lease_one(Session& session, Instant now) {
  std::vector<ClassId> classes;
  std::vector<UnitId> units;
  std::vector<Candidate> candidates;
  const std::set<std::string> warm = warm_of(session);
  passed_over_.resize(table_.class_count());
  for (const ClassId id : table_.ready_classes()) {
    if (!eligibility_.can_run(session, id)) continue;
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
  leases_.hold(session, unit, attempt, now);
  if (leased_.empty()) leased_since_ = now;
  ++leased_[session.worker];
  if (--session.credit == 0) hungry_.erase(session.id);
  send(SendLease{session.id, unit.id, unit.name, unit.kind, attempt});
  return true;
}

// Of a minute all at once, or when the last unit is done.
void Dispatcher::tell_leased(Instant now) {
  if (leased_.empty()) return;
  if (now < leased_since_ + kLeasesTold && !table_.units().empty()) return;
  std::size_t all = 0;
  std::vector<std::string> shares;
  shares.reserve(leased_.size());
  for (const auto& [worker, units] : leased_) {
    all += units;
    shares.push_back(worker + " " + std::to_string(units));
  }
  std::string what = std::to_string(all) + (all == 1 ? " unit to " : " units to ") +
                     std::to_string(shares.size()) +
                     (shares.size() == 1 ? " worker: " : " workers: ");
  for (std::size_t i = 0; i < std::min(shares.size(), kLeasersNamed); ++i)
    what += (i == 0 ? "" : ", ") + shares[i];
  if (shares.size() > kLeasersNamed) what += ", ...";
  record(log::EventKind::kLeased, "", what);
  leased_.clear();
}

// What failed before comes first, so that it is soon known whose fault it was. A worker that failed
// different units in a row shows itself with anything else rather than with one of them.
const Unit* Dispatcher::best_of(const Session& session, const WorkClass& of, Instant now) {
  const Unit* retry = nullptr;
  const Unit* its_own = nullptr;
  const Health::Record* record = health_.find(session.worker);
  const bool is_failing = record != nullptr && record->row.size() > 1;
  std::size_t looked_at = 0;
  for (const auto& entry : of.retries) {
    if (retry != nullptr || ++looked_at > kRetriesLookedAt) break;
    const Unit& unit = table_.at(std::get<UnitId>(entry));
    if (eligibility_.is_barred(unit, session.worker, now)) continue;
    const bool is_its_own = is_failing && has_failed_at(unit, session.worker);
    const Unit*& place = is_its_own ? its_own : retry;
    if (place == nullptr) place = &unit;
  }
  if (of.ready.empty()) return retry != nullptr ? retry : its_own;
  const Unit& fresh = table_.at(std::get<UnitId>(*of.ready.begin()));
  return retry != nullptr && retry->priority >= fresh.priority ? retry : &fresh;
}

std::set<std::string> Dispatcher::warm_of(const Session& session) const {
  std::set<std::string> warm{session.warm.begin(), session.warm.end()};
  for (const UnitId id : session.leases)
    warm.insert(table_.work_class(table_.at(id).work_class).affinity);
  return warm;
}

}  // namespace isocost::core

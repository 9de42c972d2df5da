#include "coordinator/core/units.h"

#include <algorithm>

#include "base/check.h"

namespace isocost::core {
namespace {

std::tuple<int, double, UnitId> ready_key(const Unit& unit) {
  return {-unit.priority, -unit.gflops, unit.id};
}

}  // namespace

const FailedAttempt* find_failed(const Unit& unit, Attempt attempt) {
  const auto it = std::find_if(unit.failed.begin(), unit.failed.end(),
                               [&](const FailedAttempt& one) { return one.attempt == attempt; });
  return it == unit.failed.end() ? nullptr : &*it;
}

bool has_failed_at(const Unit& unit, const std::string& worker) {
  return std::any_of(unit.failed.begin(), unit.failed.end(), [&](const FailedAttempt& attempt) {
    return !attempt.is_lost && attempt.worker == worker;
  });
}

bool has_failed(const Unit& unit, Attempt attempt) {
  const FailedAttempt* known = find_failed(unit, attempt);
  return known != nullptr && !known->is_lost;
}

ClassId UnitTable::intern(const OpenUnit& unit) {
  const ClassKey key{unit.kind, unit.affinity, unit.memory_bytes, unit.inputs};
  const auto [it, is_new] = class_ids_.emplace(key, ClassId{classes_.size()});
  if (is_new)
    classes_.push_back({.affinity = unit.affinity,
                        .memory_bytes = unit.memory_bytes,
                        .inputs = unit.inputs,
                        .kind = unit.kind,
                        .ready = {},
                        .retries = {}});
  return it->second;
}

void UnitTable::add(const OpenUnit& open) {
  const auto [it, is_new] = units_.emplace(open.id, Unit{});
  ISOCOST_CHECK(is_new, "a unit is added once");
  Unit& unit = it->second;
  unit.id = open.id;
  unit.name = open.name;
  unit.kind = open.kind;
  unit.work_class = intern(open);
  unit.priority = open.priority;
  unit.gflops = open.gflops;
  unit.attempts = open.attempts;
  unit.lost_workers = open.lost_workers;
  unit.failed = open.failed;
  unit.remakes = open.remakes;
  unit.digest = open.digest;
  ISOCOST_CHECK(names_.emplace(unit.name, unit.id).second, "names of units are unique");
  class_of(unit).gflops_open += unit.gflops;
  ++class_of(unit).open;
  for (const UnitId needed : open.needs) {
    const auto other = units_.find(needed);
    ISOCOST_CHECK(other != units_.end(), "a unit needs only units that are not finished");
    other->second.dependents.push_back(unit.id);
  }
  settle(unit, {open.needs.begin(), open.needs.end()});
}

// Requires: the unit is in no state yet, or left it.
void UnitTable::settle(Unit& unit, std::set<UnitId> needs) {
  if (needs.empty()) {
    make_ready(unit);
  } else {
    unit.state = Waiting{std::move(needs)};
    ++waiting_;
  }
}

std::set<UnitId>* UnitTable::needs_of(Unit& unit) {
  if (auto* waiting = std::get_if<Waiting>(&unit.state)) return &waiting->needs;
  if (auto* leased = std::get_if<Leased>(&unit.state)) return &leased->needs;
  return nullptr;
}

Unit* UnitTable::find(std::string_view name) {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : find(it->second);
}

const Unit* UnitTable::find(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : &at(it->second);
}

Unit* UnitTable::find(UnitId id) {
  const auto it = units_.find(id);
  return it == units_.end() ? nullptr : &it->second;
}

const Unit& UnitTable::at(UnitId id) const {
  const auto it = units_.find(id);
  ISOCOST_CHECK(it != units_.end(), "the unit is in the table");
  return it->second;
}

void UnitTable::make_ready(Unit& unit) {
  unit.state = Ready{};
  WorkClass& of = class_of(unit);
  (unit.failed.empty() ? of.ready : of.retries).insert(ready_key(unit));
  ready_classes_.insert(unit.work_class);
}

void UnitTable::leave_state(Unit& unit) {
  WorkClass& of = class_of(unit);
  if (std::holds_alternative<Waiting>(unit.state)) {
    --waiting_;
  } else if (std::holds_alternative<Leased>(unit.state)) {
    --leased_;
    --of.leased;
  } else {
    (unit.failed.empty() ? of.ready : of.retries).erase(ready_key(unit));
    if (!of.has_ready()) ready_classes_.erase(unit.work_class);
  }
}

void UnitTable::lease(UnitId id, const SessionId& session, Attempt attempt, Instant now) {
  Unit& unit = units_.at(id);
  ISOCOST_CHECK(std::holds_alternative<Ready>(unit.state), "only a ready unit is leased");
  leave_state(unit);
  unit.state = Leased{session, attempt, now, {}};
  ++leased_;
  ++class_of(unit).leased;
}

void UnitTable::release(UnitId id) {
  Unit& unit = units_.at(id);
  ISOCOST_CHECK(std::holds_alternative<Leased>(unit.state), "only a leased unit is released");
  std::set<UnitId> needs = std::move(std::get<Leased>(unit.state).needs);
  leave_state(unit);
  settle(unit, std::move(needs));
}

void UnitTable::need(UnitId id, UnitId needed) {
  Unit& unit = units_.at(id);
  if (std::set<UnitId>* needs = needs_of(unit)) {
    if (!needs->insert(needed).second) return;
  } else {
    leave_state(unit);
    settle(unit, {needed});
  }
  units_.at(needed).dependents.push_back(id);
}

// What is known to have failed decides where a ready unit lies.
void UnitTable::add_failed(UnitId id, FailedAttempt attempt) {
  Unit& unit = units_.at(id);
  const bool is_ready = std::holds_alternative<Ready>(unit.state);
  if (is_ready) leave_state(unit);
  unit.failed.push_back(std::move(attempt));
  if (is_ready) make_ready(unit);
}

void UnitTable::remove_failed(UnitId id, Attempt attempt) {
  Unit& unit = units_.at(id);
  const bool is_ready = std::holds_alternative<Ready>(unit.state);
  if (is_ready) leave_state(unit);
  std::erase_if(unit.failed, [&](const FailedAttempt& one) { return one.attempt == attempt; });
  if (is_ready) make_ready(unit);
}

void UnitTable::excuse(UnitId id, Attempt attempt) {
  for (FailedAttempt& one : units_.at(id).failed)
    if (one.attempt == attempt) one.is_excused = true;
}

void UnitTable::postpone(UnitId id, Duration time) {
  std::get<Leased>(units_.at(id).state).since += time;
}

void UnitTable::unblock(UnitId id) {
  Unit& unit = units_.at(id);
  for (const UnitId needed : std::get<Waiting>(unit.state).needs)
    std::erase(units_.at(needed).dependents, id);
  leave_state(unit);
  make_ready(unit);
}

void UnitTable::set_priority(UnitId id, int priority) {
  Unit& unit = units_.at(id);
  if (unit.priority == priority) return;
  auto& ready = unit.failed.empty() ? class_of(unit).ready : class_of(unit).retries;
  const bool is_ready = ready.erase(ready_key(unit)) > 0;
  unit.priority = priority;
  if (is_ready) ready.insert(ready_key(unit));
}

void UnitTable::finish(UnitId id) {
  for (const UnitId dependent : at(id).dependents) {
    Unit& other = units_.at(dependent);
    std::set<UnitId>& needs = *needs_of(other);
    needs.erase(id);
    if (!needs.empty() || std::holds_alternative<Leased>(other.state)) continue;
    leave_state(other);
    make_ready(other);
  }
  erase(id);
}

std::vector<UnitId> UnitTable::with_dependents(UnitId id) const {
  std::vector<UnitId> found{id};
  std::set<UnitId> seen{id};
  for (std::size_t i = 0; i < found.size(); ++i)
    for (const UnitId dependent : at(found[i]).dependents)
      if (seen.insert(dependent).second) found.push_back(dependent);
  return found;
}

void UnitTable::drop(const std::vector<UnitId>& ids) {
  for (const UnitId id : ids)
    if (const std::set<UnitId>* needs = needs_of(units_.at(id)))
      for (const UnitId needed : *needs)
        if (Unit* other = find(needed)) std::erase(other->dependents, id);
  for (const UnitId id : ids) {
    ISOCOST_CHECK(at(id).dependents.empty(), "what needs a dropped unit is dropped with it");
    erase(id);
  }
}

void UnitTable::erase(UnitId id) {
  Unit& unit = units_.at(id);
  if (const auto* leased = std::get_if<Leased>(&unit.state))
    ISOCOST_CHECK(leased->needs.empty(), "what is still needed is asked for once");
  leave_state(unit);
  WorkClass& of = class_of(unit);
  --of.open;
  of.gflops_open = of.open == 0 ? 0 : of.gflops_open - unit.gflops;
  names_.erase(unit.name);
  units_.erase(id);
}

const WorkClass& UnitTable::work_class(ClassId id) const {
  return classes_.at(static_cast<std::size_t>(id));
}

void UnitTable::check_needed(UnitId id, const std::set<UnitId>& needs) const {
  for (const UnitId needed : needs) {
    const auto& dependents = at(needed).dependents;
    ISOCOST_CHECK(std::count(dependents.begin(), dependents.end(), id) == 1,
                  "a needed unit knows who needs it");
  }
}

void UnitTable::check_invariants() const {
  std::size_t waiting = 0;
  std::size_t leased = 0;
  std::size_t ready = 0;
  for (const auto& [id, unit] : units_) {
    const WorkClass& of = work_class(unit.work_class);
    const bool is_listed = (unit.failed.empty() ? of.ready : of.retries).contains(ready_key(unit));
    ISOCOST_CHECK(is_listed == std::holds_alternative<Ready>(unit.state),
                  "a unit is listed as ready if and only if it is");
    ready += is_listed ? 1U : 0U;
    leased += std::holds_alternative<Leased>(unit.state) ? 1U : 0U;
    if (const auto* state = std::get_if<Waiting>(&unit.state)) {
      ++waiting;
      ISOCOST_CHECK(!state->needs.empty(), "a waiting unit waits for something");
      check_needed(id, state->needs);
    }
    if (const auto* state = std::get_if<Leased>(&unit.state)) check_needed(id, state->needs);
    const auto name = names_.find(unit.name);
    ISOCOST_CHECK(name != names_.end() && name->second == id, "every unit is found by its name");
  }
  std::size_t listed = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    listed += classes_[i].ready.size() + classes_[i].retries.size();
    ISOCOST_CHECK(ready_classes_.contains(ClassId{i}) == classes_[i].has_ready(),
                  "classes with ready units are listed");
  }
  ISOCOST_CHECK(names_.size() == units_.size() && listed == ready, "no list holds a ghost");
  ISOCOST_CHECK(waiting == waiting_ && leased == leased_, "counts are those of the table");
}

}  // namespace isocost::core

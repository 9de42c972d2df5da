// Bookkeeping of the units that are not finished: what waits for what, what is ready, who holds it.
//
//   UnitTable table;
//   table.add(unit);                       // ready, or waiting for units already in the table
//   table.lease(id, session, attempt, now);
//   std::vector<UnitId> ready = table.finish(id);
//
// Ready units lie in classes: units of one class need the same inputs and memory and keep the same
// network warm, so whether a worker may run one is asked once a class. Owned by the Core; one
// thread; decides nothing.
//
// Units with failed attempts lie in a list of their own, so that they come first and whoever failed
// them can be passed over.
//
// Invariants:
//   1. A waiting unit needs at least one unit, and all that units need are in the table.
//   2. A unit is in one of its class's ready sets if and only if it is ready: in `retries` if and
//      only if an attempt of it is known to have failed.
//   3. Names are unique.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "coordinator/core/types.h"

namespace isocost::core {

enum class ClassId : std::size_t {};

struct Waiting {
  std::set<UnitId> needs;
};
struct Ready {};
struct Leased {
  SessionId session;
  Attempt attempt;
  Instant since;
  std::set<UnitId> needs;  // what was lost since and is made again; it waits for them afterwards
};

struct Unit {
  UnitId id{};
  std::string name;
  UnitKind kind = UnitKind::kGenerate;
  ClassId work_class{};
  int priority = 0;
  double gflops = 0;
  int attempts = 0;
  int lost_workers = 0;
  std::vector<FailedAttempt> failed;
  int remakes = 0;
  std::optional<Digest> digest;  // of the result that it had before
  int stalls = 0;                // attempts that took too long: the next one has twice the time
  std::vector<UnitId> dependents;
  std::variant<Waiting, Ready, Leased> state;
};

// What is known of an attempt that failed; null: nothing.
[[nodiscard]] const FailedAttempt* find_failed(const Unit& unit, Attempt attempt);
// A loss says nothing of who could compute it.
[[nodiscard]] bool has_failed_at(const Unit& unit, const std::string& worker);
// A lost one may still go on somewhere.
[[nodiscard]] bool has_failed(const Unit& unit, Attempt attempt);

struct WorkClass {
  std::string affinity;
  std::uint64_t memory_bytes = 0;
  std::vector<std::string> inputs;
  UnitKind kind = UnitKind::kGenerate;
  // (-priority, -gflops, id): the best first.
  using Order = std::set<std::tuple<int, double, UnitId>>;
  Order ready;
  Order retries;  // likewise, of which an attempt failed
  [[nodiscard]] bool has_ready() const { return !ready.empty() || !retries.empty(); }
  double gflops_open = 0;  // of all its units that are not finished
  std::size_t open = 0;
  std::size_t leased = 0;
};

class UnitTable {
 public:
  // Requires: the units that it needs are in the table; the name is not.
  void add(const OpenUnit& unit);
  [[nodiscard]] Unit* find(std::string_view name);
  [[nodiscard]] const Unit* find(std::string_view name) const;
  [[nodiscard]] Unit* find(UnitId id);
  [[nodiscard]] const Unit& at(UnitId id) const;

  // Requires: the unit is ready.
  void lease(UnitId id, const SessionId& session, Attempt attempt, Instant now);
  // Requires: the unit is leased. It is ready again, or waits for what was lost.
  void release(UnitId id);
  // Requires: both are in the table. `needed` is to be made again: until then the unit waits, once
  // it is not leased.
  void need(UnitId id, UnitId needed);
  void add_failed(UnitId id, FailedAttempt attempt);
  void remove_failed(UnitId id, Attempt attempt);
  // Changes what is known of an attempt. Requires: it is known.
  void excuse(UnitId id, Attempt attempt);
  // Moves the beginning of its lease. Requires: the unit is leased.
  void postpone(UnitId id, Duration time);
  // Makes a waiting unit ready though what it needs is open (its result came first).
  void unblock(UnitId id);
  void set_priority(UnitId id, int priority);
  // Takes a finished unit out: what needs nothing more is ready.
  void finish(UnitId id);
  // The unit and everything that needs it, directly or not, the unit first.
  [[nodiscard]] std::vector<UnitId> with_dependents(UnitId id) const;
  // Takes out units that will not be computed. Requires: closed under dependents.
  void drop(const std::vector<UnitId>& ids);

  [[nodiscard]] const WorkClass& work_class(ClassId id) const;
  // Those with ready units, in the order of their making.
  [[nodiscard]] const std::set<ClassId>& ready_classes() const { return ready_classes_; }
  [[nodiscard]] std::size_t class_count() const { return classes_.size(); }
  [[nodiscard]] const std::map<UnitId, Unit>& units() const { return units_; }
  [[nodiscard]] std::size_t waiting_count() const { return waiting_; }
  [[nodiscard]] std::size_t leased_count() const { return leased_; }

  void check_invariants() const;

 private:
  using ClassKey = std::tuple<UnitKind, std::string, std::uint64_t, std::vector<std::string>>;

  ClassId intern(const OpenUnit& unit);
  WorkClass& class_of(const Unit& unit) {
    return classes_[static_cast<std::size_t>(unit.work_class)];
  }
  void make_ready(Unit& unit);
  void leave_state(Unit& unit);
  void settle(Unit& unit, std::set<UnitId> needs);
  static std::set<UnitId>* needs_of(Unit& unit);
  void check_needed(UnitId id, const std::set<UnitId>& needs) const;
  void erase(UnitId id);

  std::map<UnitId, Unit> units_;
  std::unordered_map<std::string_view, UnitId> names_;  // of units_' own texts
  std::vector<WorkClass> classes_;
  std::map<ClassKey, ClassId> class_ids_;
  std::set<ClassId> ready_classes_;
  std::size_t waiting_ = 0;
  std::size_t leased_ = 0;
};

}  // namespace isocost::core

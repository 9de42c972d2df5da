// How workers fare: who fails unit after unit, who rests for it, and who is in quarantine.
//
//   if (health.failed({.worker = "w1", .unit = id, .reason = "bug: ..."}, now)) ...  // in
//   quarantine if (health.refuted("w1", now)) ...      // another one succeeded where it failed:
//   likewise if (health.succeeded("w1")) ...         // it was in quarantine, and is well again if
//   (health.may_begin("w1", holds_units, now)) ...
//
// A worker that fails several different units without a success between rests for a while, gets one
// unit to show itself, and rests twice as long when it fails again. Where another worker succeeds
// with a unit that it failed, it is in quarantine: the rests are long, and what it fails is no
// unit's fault. One success and all is well. By a worker's name, so that a process that is started
// anew is no better than the one before; nothing of it is durable. Owned by the Core; one thread.
//
// Invariants: a worker rests only while its row is full; a worker in quarantine has a full row.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "coordinator/core/types.h"

namespace isocost::core {

struct HealthOptions {
  std::size_t row_max = 3;  // different units that fail in a row, after which a worker rests
  Duration rest_first = std::chrono::seconds(1);
  Duration rest_max = std::chrono::seconds(10);
  Duration quarantine_first = std::chrono::seconds(30);
  Duration quarantine_max = std::chrono::minutes(10);
};

// Workers of which something is known; the one that is worth remembering least goes.
inline constexpr std::size_t kHealthRecordsMax = 16'384;

class Health {
 public:
  struct Record {
    std::set<UnitId> row{};    // units that failed since its last success; row_max at most
    std::size_t failures = 0;  // attempts that did
    std::string reason{};      // of the last
    bool is_refuted = false;   // another worker succeeded with one of them
    bool is_quarantined = false;
    Duration rest{0};  // the last one
    Instant rests_until{};
  };

  explicit Health(HealthOptions options) : options_(options) {}

  struct FailedUnit {
    std::string worker{};
    UnitId unit{};
    std::string reason{};
    bool may_rest = true;  // false: it would only be told later what cannot be helped
  };
  // True: this put it into quarantine.
  bool failed(const FailedUnit& failed, Instant now);
  bool refuted(const std::string& worker, Instant now);
  // True: it was in quarantine.
  bool succeeded(const std::string& worker);

  // One that shows itself has one unit at a time.
  [[nodiscard]] bool may_begin(const std::string& worker, bool holds_units, Instant now) const;
  [[nodiscard]] bool is_resting(const std::string& worker, Instant now) const;
  [[nodiscard]] bool is_quarantined(const std::string& worker) const;
  // It succeeded once.
  [[nodiscard]] bool is_proven(const std::string& worker) const { return proven_.contains(worker); }
  // It never succeeded, or failed different units since.
  [[nodiscard]] bool is_doubtful(const std::string& worker) const;
  // Nothing is known against it.
  [[nodiscard]] bool is_spotless(const std::string& worker) const {
    return !records_.contains(worker);
  }
  // Whether a rest ended after `since`.
  [[nodiscard]] bool has_rested(Instant since, Instant now) const;
  [[nodiscard]] const Record* find(const std::string& worker) const;

  void check_invariants() const;

 private:
  [[nodiscard]] bool is_full(const Record& record) const {
    return record.row.size() >= options_.row_max;
  }
  bool quarantine(Record& record, Instant now);
  void make_room();

  HealthOptions options_;
  std::map<std::string, Record> records_;
  std::set<std::string> proven_;  // succeeded once
};

}  // namespace isocost::core

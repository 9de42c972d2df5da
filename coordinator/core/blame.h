// Whose fault a failure is, and what becomes of the unit and of the worker.
//
// Invariants: an attempt counts once, however often it is told; what a worker in quarantine failed
// counts against no unit; a suspicion ends when its worker is back, or grows too old.
// Owned by the Core; one thread.
#pragma once

#include "coordinator/core/eligibility.h"
#include "coordinator/core/leases.h"
#include "coordinator/core/part.h"

namespace isocost::core {

// A worker that is away for longer is no longer asked why.
inline constexpr Duration kSuspicionMax = std::chrono::hours(24);

class Blame : private Part {
 public:
  Blame(Shared& shared, Eligibility& eligibility, Leases& leases)
      : Part(shared), eligibility_(eligibility), leases_(leases) {}

  void fail_attempt(Unit& unit, const FailedBy& failed, Instant now);
  void excuse_attempt(Unit& unit, const FailedBy& failed, Instant now);
  // The unit is failed, and so is everything that waits for it.
  void give_up(UnitId id, const std::optional<FailedBy>& failed, const UnitFailure& failure,
               Instant now);
  // The unit is computed by this worker.
  void praise(const Unit& unit, const std::string& worker, Instant now);
  void forgive(const std::string& worker);
  void forgive(Unit& unit, Attempt attempt);
  // Against what a lost worker computed, until it comes back and tells.
  void suspect(const std::string& worker, const std::map<UnitId, Attempt>& units, Instant now);
  void unsuspect(const std::string& worker) { suspicions_.erase(worker); }
  void forget_old(Instant now);
  // Workers that came into it since the start.
  [[nodiscard]] std::uint64_t quarantines() const { return quarantines_; }

 private:
  struct Suspicion {
    Instant since;
    std::map<UnitId, Attempt> units;
  };
  [[nodiscard]] bool is_over(const Unit& unit, const FailedBy& failed, Instant now);
  void blame(const Unit& unit, const FailedBy& failed, Instant now);
  void quarantine(const std::string& worker);

  Eligibility& eligibility_;
  Leases& leases_;
  std::map<std::string, Suspicion> suspicions_;  // by worker
  std::uint64_t quarantines_ = 0;
};

}  // namespace isocost::core

// Hands ready units to workers that want some: what may run by Eligibility, what runs next by
// policy.h. Owned by the Core; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coordinator/core/eligibility.h"
#include "coordinator/core/leases.h"
#include "coordinator/core/part.h"

namespace isocost::core {

// Units whose attempts failed, of one kind of work, that are looked at for one that a worker has
// not failed itself.
inline constexpr std::size_t kRetriesLookedAt = 64;
// Leases are told together, of so much time at once, with the names of so many workers.
inline constexpr Duration kLeasesTold = std::chrono::minutes(1);
inline constexpr std::size_t kLeasersNamed = 8;

class Dispatcher : private Part {
 public:
  Dispatcher(Shared& shared, Eligibility& eligibility, Leases& leases)
      : Part(shared), eligibility_(eligibility), leases_(leases) {}

  void dispatch(Instant now);
  // Records what was handed out, where it is time to.
  void tell_leased(Instant now);

 private:
  bool lease_one(Session& session, Instant now);
  [[nodiscard]] const Unit* best_of(const Session& session, const WorkClass& of, Instant now);
  [[nodiscard]] std::set<std::string> warm_of(const Session& session) const;

  Eligibility& eligibility_;
  Leases& leases_;
  std::map<std::string, std::size_t> leased_;  // not told yet, by worker
  Instant leased_since_;
  std::vector<std::uint32_t> passed_over_;  // leases of others since, by class
};

}  // namespace isocost::core

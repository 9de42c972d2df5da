// Hands ready units to workers that want some: what may run by Eligibility, what runs next by
// policy.h. Owned by the Core; one thread.
#pragma once

#include "coordinator/core/eligibility.h"
#include "coordinator/core/leases.h"
#include "coordinator/core/part.h"

namespace isocost::core {

// Units whose attempts failed, of one kind of work, that are looked at for one that a worker has
// not failed itself.
inline constexpr std::size_t kRetriesLookedAt = 64;

class Dispatcher : private Part {
 public:
  Dispatcher(Shared& shared, Eligibility& eligibility, Leases& leases)
      : Part(shared), eligibility_(eligibility), leases_(leases) {}

  void dispatch(Instant now);

 private:
  bool lease_one(Session& session, Instant now);
  [[nodiscard]] const Unit* best_of(const Session& session, const WorkClass& of, Instant now);
  [[nodiscard]] std::set<std::string> warm_of(const Session& session) const;

  Eligibility& eligibility_;
  Leases& leases_;
  std::vector<std::uint32_t> passed_over_;  // leases of others since, by class
};

}  // namespace isocost::core

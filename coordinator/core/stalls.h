// Time limits: units that never end are taken elsewhere, and workers that speak and do not come
// further are seen. Owned by the Core; one thread.
#pragma once

#include "coordinator/core/blame.h"
#include "coordinator/core/part.h"

namespace isocost::core {

// How often it is looked for units that take too long.
inline constexpr Duration kStallLook = std::chrono::seconds(5);

class Stalls : private Part {
 public:
  Stalls(Shared& shared, Eligibility& eligibility, Leases& leases, Blame& blame)
      : Part(shared),
        eligibility_(eligibility),
        leases_(leases),
        blame_(blame),
        paces_(shared.options.pace) {}

  // Learns from a result how long such a unit takes.
  void time_it(const Unit& unit, const ResultArrived& event, Instant now);
  void take_stalled_elsewhere(Instant now);
  [[nodiscard]] Duration limit_of(const Session& session) const;
  // Units that were taken elsewhere.
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  [[nodiscard]] static Paces::Work work_of(const Session& session, const Unit& unit);
  void take_elsewhere(Session& session, Instant now);

  Eligibility& eligibility_;
  Leases& leases_;
  Blame& blame_;
  Paces paces_;
  Instant next_look_{};
  std::uint64_t count_ = 0;
};

}  // namespace isocost::core

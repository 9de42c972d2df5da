// Who may run what: inputs, memory, and who failed it before. Changes nothing but what it remembers
// of classes; policy.h chooses among what may run. Owned by the Core; one thread.
#pragma once

#include "coordinator/core/part.h"

namespace isocost::core {

// After a start it is so long waited for whoever was there before it.
inline constexpr Duration kReturnMax = std::chrono::minutes(2);

class Eligibility : private Part {
 public:
  explicit Eligibility(Shared& shared) : Part(shared) {}

  [[nodiscard]] bool can_run(Session& session, ClassId id);
  // The next attempt is made elsewhere, where there is an elsewhere.
  [[nodiscard]] bool is_barred(const Unit& unit, const std::string& worker, Instant now);
  enum class Elsewhere { kWhoTakesPart, kAnybody };
  [[nodiscard]] bool has_elsewhere(const Unit& unit, const std::string& worker, Instant now,
                                   Elsewhere whom = Elsewhere::kWhoTakesPart);
  // Workers that hold nothing and units that none of them can run.
  [[nodiscard]] bool is_stuck() const;

 private:
  [[nodiscard]] bool check_can_run(const Session& session, ClassId id) const;
};

}  // namespace isocost::core

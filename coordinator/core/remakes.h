// Units that were done and are made again, since their artifacts were lost. One that is lost again
// and again is failed. Owned by the Core; one thread.
#pragma once

#include "coordinator/core/blame.h"
#include "coordinator/core/part.h"

namespace isocost::core {

class Remakes : private Part {
 public:
  Remakes(Shared& shared, Blame& blame) : Part(shared), blame_(blame) {}

  void remake(const std::vector<LostUnit>& lost, Instant now);
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  void remake(const LostUnit& lost, Instant now);

  Blame& blame_;
  std::uint64_t count_ = 0;
};

}  // namespace isocost::core

// Attempts as only a coordinator of this database can have given them out.
//
//   Attempt attempt = attempts.next(unit.name);
//   attempts.was_given(unit.name, attempt)      // also after a restart, and of earlier starts
//
// Leases are not durable, and yet an outcome may come long after its coordinator is gone. So an
// attempt proves itself: the lower half of its counter is a digest over a secret of the database,
// the start, the number and the unit. Who was not given it can guess it once in 2^32 tries, each of
// which is counted. The upper half counts, so attempts stay in the order of hand-out. Pure, one
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "coordinator/core/types.h"

namespace isocost::core {

class Attempts {
 public:
  // `epoch` is this start's.
  Attempts(std::uint64_t epoch, std::string secret);

  [[nodiscard]] Attempt next(std::string_view unit);
  // Not before any that was given out so far, and before all that follow.
  [[nodiscard]] Attempt last() const;
  [[nodiscard]] bool was_given(std::string_view unit, Attempt attempt) const;

 private:
  [[nodiscard]] std::uint32_t proof(std::string_view unit, std::uint64_t epoch,
                                    std::uint64_t number) const;

  std::uint64_t epoch_;
  std::string secret_;
  std::uint64_t number_ = 0;  // of the last one
};

}  // namespace isocost::core

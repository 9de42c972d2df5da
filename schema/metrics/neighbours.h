// What the metrics of nearest neighbours share in their rows. Pure values, any thread.
#pragma once

#include "base/json.h"
#include "schema/options.h"

namespace isocost::metrics {

inline constexpr double kNeighboursMax = 1000;

[[nodiscard]] inline Option neighbours(std::int64_t fallback) {
  return whole("k", fallback, {1, kNeighboursMax}, "the neighbour that a picture's ball reaches");
}
// So that each picture has that many beside itself.
[[nodiscard]] inline std::uint64_t more_than_neighbours(const Json& protocol) {
  return protocol.at("k").get<std::uint64_t>() + 1;
}

}  // namespace isocost::metrics

// What the metrics of nearest neighbours share in their rows. Pure values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "schema/metrics/metric.h"
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

// What is counted with balls around pictures, with the k of its paper.
[[nodiscard]] inline Metric of_neighbours(std::string name, std::string label, std::int64_t k) {
  Metric row(std::move(name), std::move(label), Direction::kHigherIsBetter);
  row.least = 0;
  row.reference = ReferenceNeed::kRows;
  row.images_min = 8;
  row.images_of = more_than_neighbours;
  row.protocol = {neighbours(k)};
  return row;
}

}  // namespace isocost::metrics

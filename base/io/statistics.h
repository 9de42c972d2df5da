// Mean and covariance of a data set's features, as FID's reference statistics are published: a .npz
// file of mu [D] and sigma [D, D].
//
//   auto statistics = io::read_statistics("coco-val.npz");
//   if (!statistics) return fail(statistics.error());
//
// Fails with: what read_npz fails with, shapes that do not belong together, and what can be no mean
// or covariance: values that are not finite or beyond kStatisticMax, a sigma that is not symmetric
// or not positive semidefinite beyond rounding. Costs D^3/3 multiplications: a second or two at
// 2048. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace isocost::io {

// Beyond it squares and products of squares leave the range of doubles.
inline constexpr double kStatisticMax = 1e75;

struct FileStatistics {
  std::vector<double> mean;        // [D]
  std::vector<double> covariance;  // [D, D], in C order
  [[nodiscard]] std::int64_t dimensions() const { return static_cast<std::int64_t>(mean.size()); }
};

[[nodiscard]] Result<FileStatistics> read_statistics(const std::filesystem::path& file);
// Whether these are a mean and a covariance. Requires: covariance.size() is the square of
// mean.size().
[[nodiscard]] Result<void> check_statistics(std::span<const double> mean,
                                            std::span<const double> covariance,
                                            const std::string& where);

}  // namespace isocost::io

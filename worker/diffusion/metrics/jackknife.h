// The jackknife over groups of images, and the interval that every metric without a better one has.
//
//   std::vector<double> left_out = ...;        // the metric without group k's images, k = 0 ... 19
//   Interval interval = group_jackknife(value, left_out);
//
// Group k holds images k, k + 20, ...: every prompt and every unit is spread over all groups, and
// the same images are left out of every cell, so that differences of cells can be taken group by
// group. Pure, any thread.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "base/json.h"

namespace isocost::diffusion {

inline constexpr std::int64_t kGroups = 20;
// Fewer images leave groups too small to tell anything.
inline constexpr std::int64_t kGroupedImagesMin = 3 * kGroups;

struct Interval {
  double low = 0;
  double high = 0;
  Json about;
};

// Requires: kGroups values.
[[nodiscard]] Interval group_jackknife(double value, const std::vector<double>& left_out);
// None: `value` twice, and a note why.
[[nodiscard]] Interval no_interval(double value, Json& notes);
// The interval about `value` where there are images enough for `left_out`, a function that gives
// its values; none otherwise.
template <class LeftOut>
[[nodiscard]] Interval jackknife_or_none(double value, std::int64_t n, Json& notes,
                                         const LeftOut& left_out) {
  return n < kGroupedImagesMin ? no_interval(value, notes) : group_jackknife(value, left_out());
}

[[nodiscard]] double average_of(const std::vector<double>& values);
// The variance of a metric by its values without one image each, [n]: the jackknife that leaves one
// out, where a metric gives all of them at once.
[[nodiscard]] double left_one_out_variance(const at::Tensor& left_out);

// Each value's distance from their mean: what the interval of a difference of two scores is made of
// (reports/model/comparison.h).
[[nodiscard]] Json deviations_of(const std::vector<double>& values);

}  // namespace isocost::diffusion

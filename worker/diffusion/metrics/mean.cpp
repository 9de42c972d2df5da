#include "worker/diffusion/metrics/mean.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "worker/diffusion/metrics/jackknife.h"

namespace isocost::diffusion {

Mean mean_of(const at::Tensor& values) {
  ISOCOST_CHECK(values.dim() == 1 && values.scalar_type() == at::kDouble && values.size(0) >= 2,
                "an error needs two values in double precision");
  const auto n = static_cast<double>(values.size(0));
  const double mean = values.mean().item<double>();
  const at::Tensor deviation = values - mean;
  return {mean, std::sqrt((deviation * deviation).sum().item<double>() / (n - 1) / n)};
}

at::Tensor column_of(const ScoreInput& input, std::int64_t column) {
  return input.rows.select(1, column).to(at::kDouble).contiguous();
}

Json mean_of_rows(const ScoreInput& input) { return mean_values(column_of(input)); }

namespace {

struct Groups {
  std::vector<double> left_out;  // the mean without each
  std::int64_t filled = 0;       // with an image that has a number
};
// Of values [n], NaN where an image has none. Requires: `filled` above 1 for means that are
// numbers.
Groups groups_of(const at::Tensor& values) {
  const at::Tensor is_there = at::isnan(values).logical_not();
  const at::Tensor numbers = at::where(is_there, values, at::zeros_like(values));
  const double sum = numbers.sum().item<double>();
  const auto n = is_there.sum().item<std::int64_t>();
  Groups groups;
  groups.left_out.reserve(static_cast<std::size_t>(kGroups));
  for (std::int64_t k = 0; k < kGroups; ++k) {
    const auto of_group = [k](const at::Tensor& all) {
      return all.slice(0, k, std::nullopt, kGroups).sum();
    };
    const auto count = of_group(is_there).item<std::int64_t>();
    groups.filled += count > 0 ? 1 : 0;
    groups.left_out.push_back((sum - of_group(numbers).item<double>()) /
                              static_cast<double>(n - count));
  }
  return groups;
}

}  // namespace

Json mean_values(const at::Tensor& values) {
  const at::Tensor numbers = values.masked_select(at::isnan(values).logical_not());
  const Mean mean = mean_of(numbers);
  const std::int64_t n = numbers.size(0);
  Interval interval = {mean.value - kNormalQuantile * mean.error,
                       mean.value + kNormalQuantile * mean.error,
                       {{"method", "normal"}, {"level", kLevel}}};
  if (n >= kGroupedImagesMin) {
    const Groups groups = groups_of(values);
    if (2 * groups.filled >= kGroups) interval = group_jackknife(mean.value, groups.left_out);
  }
  return Json{{"value", mean.value},          {"low", interval.low},
              {"high", interval.high},        {"n", n},
              {"standard_error", mean.error}, {"interval", interval.about},
              {"notes", Json::array()}};
}

std::pair<double, double> wilson(const Mean& mean, std::int64_t n) {
  const double p = mean.value, z2 = kNormalQuantile * kNormalQuantile;
  const double trials = mean.error > 0 ? std::max(p * (1 - p) / (mean.error * mean.error), 1.0)
                                       : static_cast<double>(n);
  const double centre = (p + z2 / (2 * trials)) / (1 + z2 / trials);
  const double half = kNormalQuantile / (1 + z2 / trials) *
                      std::sqrt(std::max(p * (1 - p), 0.0) / trials + z2 / (4 * trials * trials));
  return {std::max(centre - half, 0.0), std::min(centre + half, 1.0)};
}

}  // namespace isocost::diffusion

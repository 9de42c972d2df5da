#include "worker/diffusion/metrics/mean.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace isocost::diffusion {

Mean mean_of(const at::Tensor& values) {
  ISOCOST_CHECK(values.dim() == 1 && values.scalar_type() == at::kDouble && values.size(0) >= 2,
                "an error needs two values in double precision");
  const auto n = static_cast<double>(values.size(0));
  const double mean = values.mean().item<double>();
  const at::Tensor deviation = values - mean;
  return {mean, std::sqrt((deviation * deviation).sum().item<double>() / (n - 1) / n)};
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

// Means of rows with their standard errors, for the metrics that are one.
#pragma once

#include <utility>

#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {

struct Mean {
  double value = 0;
  double error = 0;  // standard error
};
// Requires: float64 [n], n >= 2.
[[nodiscard]] Mean mean_of(const at::Tensor& values);

// Wilson's interval for a share, which stays within [0, 1] and has a width even when all images
// agree. Images that are partly right vary less than a coin of that share: they count as
// correspondingly more.
[[nodiscard]] std::pair<double, double> wilson(const Mean& mean, std::int64_t n);

}  // namespace isocost::diffusion

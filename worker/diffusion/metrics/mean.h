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

// A column of the rows as float64 [n].
[[nodiscard]] at::Tensor column_of(const ScoreInput& input, std::int64_t column = 0);

// {"value", "low", "high", "n", "standard_error", "interval", "notes"} of the mean of one number an
// image, [n], NaN where an image has none: by the jackknife over groups of images, which makes
// differences of cells that share their items exact about them; by the standard error where images
// with a number are few, or in less than half of the groups. Groups go by the images' places, NaN
// or not (jackknife.h). Requires: float64, two numbers or more.
[[nodiscard]] Json mean_values(const at::Tensor& values);
// The same of the one column of the rows: all that many metrics are.
[[nodiscard]] Json mean_of_rows(const ScoreInput& input);

// Wilson's interval for a share, which stays within [0, 1] and has a width even when all images
// agree. Images that are partly right vary less than a coin of that share: they count as
// correspondingly more.
[[nodiscard]] std::pair<double, double> wilson(const Mean& mean, std::int64_t n);

}  // namespace isocost::diffusion

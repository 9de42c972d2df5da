#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

// 10 log10(255² / mean squared error) an image, and their mean. Equal pictures have none.
Result<Json> score_psnr(const ScoreInput& input, const Json&) {
  const at::Tensor errors = column_of(input);
  const std::int64_t n = errors.size(0);
  const at::Tensor differs = errors.gt(0);
  const auto equal = n - differs.sum().item<std::int64_t>();
  const at::Tensor decibels = 10 * at::log10(255.0 * 255.0 / errors.masked_select(differs));
  if (equal == 0) return mean_values(decibels);
  Json values = {{"value", nullptr},
                 {"n", n},
                 {"infinite", equal},
                 {"interval", {{"method", "none"}}},
                 {"notes",
                  {std::to_string(equal) + " of " + std::to_string(n) +
                   " pictures equal their targets: the mean has no end"}}};
  if (equal < n) values["finite_mean"] = decibels.mean().item<double>();
  return values;
}

}  // namespace isocost::diffusion

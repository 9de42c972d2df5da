#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_lpips(const ScoreInput& input, const Json&) {
  const auto values = one_number_an_image(input);
  if (!values) return fail(values.error());
  return mean_values(*values, {0, std::numeric_limits<double>::infinity()});
}

}  // namespace isocost::diffusion

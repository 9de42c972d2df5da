#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_clip_directional(const ScoreInput& input, const Json&) {
  const auto values = one_number_an_image(input);
  if (!values) return fail(values.error());
  return mean_values(*values, {-1, 1});
}

}  // namespace isocost::diffusion

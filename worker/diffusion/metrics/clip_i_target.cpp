#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_clip_i_target(const ScoreInput& input, const Json&) {
  return mean_of_rows(input);
}

}  // namespace isocost::diffusion

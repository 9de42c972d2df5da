#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_clip_i_source(const ScoreInput& input, const Json&) {
  return mean_of_rows(input);
}

}  // namespace isocost::diffusion

#include "worker/diffusion/metrics/similarity.h"

namespace isocost::diffusion {

Result<Json> score_dino(const ScoreInput& input, const Json&) { return similarity_to_set(input); }

}  // namespace isocost::diffusion

#include "worker/diffusion/metrics/edit_answers.h"

namespace isocost::diffusion {

Result<Json> score_attribute_keep(const ScoreInput& input, const Json&) {
  return mean_of_edits(input, 1, "attribute_keep");
}

}  // namespace isocost::diffusion

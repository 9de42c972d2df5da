#include "worker/diffusion/metrics/edit_answers.h"

namespace isocost::diffusion {

Result<Json> score_attribute_change(const ScoreInput& input, const Json&) {
  return mean_of_edits(input, 0, "attribute_change");
}

}  // namespace isocost::diffusion

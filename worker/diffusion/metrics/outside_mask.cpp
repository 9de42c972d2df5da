#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_outside_mask(const ScoreInput& input, const Json& protocol) {
  Json values = mean_values(column_of(input, protocol.at("distance") == "l1" ? 0 : 1));
  const at::Tensor is_kept = column_of(input).eq(0);
  values["kept"] = is_kept.to(at::kDouble).mean().item<double>();  // share of pictures
  return values;
}

}  // namespace isocost::diffusion

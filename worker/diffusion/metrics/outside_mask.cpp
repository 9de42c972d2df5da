#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_outside_mask(const ScoreInput& input, const Json& protocol) {
  if (input.rows.size(1) != 2)
    return fail("rows", "they have " + std::to_string(input.rows.size(1)) + " columns",
                "2, the absolute and the squared difference");
  const at::Tensor rows = input.rows.to(at::kDouble);
  Json values = mean_values(rows.select(1, protocol.at("distance") == "l1" ? 0 : 1).contiguous(),
                            {0, std::numeric_limits<double>::infinity()});
  const at::Tensor is_kept = rows.select(1, 0).eq(0);
  values["kept"] = is_kept.to(at::kDouble).mean().item<double>();  // share of pictures
  return values;
}

}  // namespace isocost::diffusion

#include "worker/diffusion/metrics/similarity.h"

namespace isocost::diffusion {

at::Tensor unit_rows(const at::Tensor& rows) {
  const at::Tensor all = rows.to(at::kDouble);
  return all / all.norm(2, -1, true).clamp_min(1e-12);
}

// A mean of cosines is a product with the mean.
Json similarity_to_set(const ScoreInput& input) {
  const at::Tensor centre = input.reference->kept(
      "mean of unit rows", [&] { return unit_rows(input.reference->rows).mean(0); });
  Json values = mean_values(at::mv(unit_rows(input.rows), centre));
  values["features"] = input.rows.size(1);
  values["reference_n"] = input.reference->rows.size(0);
  return values;
}

}  // namespace isocost::diffusion

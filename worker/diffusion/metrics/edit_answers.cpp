#include "worker/diffusion/metrics/edit_answers.h"

#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> mean_of_edits(const ScoreInput& input, std::int64_t column,
                           const std::string& metric) {
  const at::Tensor all = column_of(input, column);
  const at::Tensor shares = all.masked_select(at::isnan(all).logical_not());
  if (shares.size(0) < 2)
    return fail(metric,
                "of " + std::to_string(all.size(0)) + " edits " + std::to_string(shares.size(0)) +
                    " have an attribute that it is about",
                "two or more");
  return mean_values(shares);
}

}  // namespace isocost::diffusion

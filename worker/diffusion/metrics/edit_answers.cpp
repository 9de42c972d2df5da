#include "worker/diffusion/metrics/edit_answers.h"

#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> mean_of_edits(const ScoreInput& input, std::int64_t column,
                           const std::string& metric) {
  const at::Tensor all = column_of(input, column);
  const auto n = at::isnan(all).logical_not().sum().item<std::int64_t>();
  if (n < 2)
    return fail(metric,
                "of " + std::to_string(all.size(0)) + " edits " + std::to_string(n) +
                    " have an attribute that it is about",
                "two or more");
  Json values = mean_values(all);
  if (values.at("standard_error").get<double>() > 0) return values;
  const auto [low, high] = wilson({values.at("value").get<double>(), 0}, n);
  values["low"] = low;
  values["high"] = high;
  values["interval"] = {{"method", "wilson"}, {"level", kLevel}};
  return values;
}

}  // namespace isocost::diffusion

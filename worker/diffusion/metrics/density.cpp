#include "worker/diffusion/metrics/mean.h"
#include "worker/diffusion/metrics/neighbours.h"

namespace isocost::diffusion {

Result<Json> score_density(const ScoreInput& input, const Json& protocol) {
  const auto k = protocol.at("k").get<std::int64_t>();
  Json values = mean_values(balls_around(input, k) / static_cast<double>(k));
  values["features"] = input.rows.size(1);
  values["reference_n"] = input.reference->rows.size(0);
  return values;
}

}  // namespace isocost::diffusion

#include "worker/diffusion/metrics/mean.h"
#include "worker/diffusion/metrics/neighbours.h"

namespace isocost::diffusion {

// With the reference held fixed each picture is within its balls or not, whatever the others are: a
// share, whose interval has a width even where all are.
Result<Json> score_precision(const ScoreInput& input, const Json& protocol) {
  const at::Tensor is_within =
      balls_around(input, protocol.at("k").get<std::int64_t>()).gt(0).to(at::kDouble);
  const Mean mean = mean_of(is_within);
  const std::int64_t n = is_within.size(0);
  const auto [low, high] = wilson(mean, n);
  return Json{{"value", mean.value},
              {"low", low},
              {"high", high},
              {"n", n},
              {"features", input.rows.size(1)},
              {"reference_n", input.reference->rows.size(0)},
              {"standard_error", mean.error},
              {"interval", {{"method", "wilson"}, {"level", kLevel}}},
              {"notes", Json::array()}};
}

}  // namespace isocost::diffusion

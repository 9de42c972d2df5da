#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_clip_score(const ScoreInput& input, const Json& protocol) {
  const auto scale = protocol.at("scale").get<double>();
  const std::int64_t n = input.rows.size(0);
  at::Tensor cosine = column_of(input);
  if (protocol.at("floor_at_zero") == true) cosine = cosine.clamp_min(0);
  const Mean mean = mean_of(cosine * scale);
  return Json{{"value", mean.value},
              {"low", mean.value - kNormalQuantile * mean.error},
              {"high", mean.value + kNormalQuantile * mean.error},
              {"n", n},
              {"standard_error", mean.error},
              {"interval", {{"method", "normal"}, {"level", kLevel}}},
              {"notes", Json::array()}};
}

}  // namespace isocost::diffusion

#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_clip_score(const ScoreInput& input, const Json& protocol) {
  const auto scale = protocol.at("scale").get<double>();
  const std::int64_t n = input.rows.size(0);
  if (input.rows.size(1) != 1) {
    return fail("clip_score", "its rows have " + std::to_string(input.rows.size(1)) + " columns",
                "1, the cosine: an extractor of kind clip");
  }
  at::Tensor cosine = input.rows.select(1, 0).to(at::kDouble);
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

#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

Result<Json> score_clip_score(const ScoreInput& input, JsonReader& protocol) {
  const auto scale = protocol.get_or<double>("scale", 1.0);
  const auto has_floor = protocol.get_or<bool>("floor_at_zero", false);
  if (!(scale > 0) || scale > 1000)
    protocol.fault("scale", "it is " + number_shown(scale), "above 0, at most 1000");
  protocol.finish();
  if (!protocol.ok()) return fail(protocol.take());
  const std::int64_t n = input.rows.size(0);
  if (auto enough = check_count("clip_score", n); !enough) return fail(enough.error());
  if (input.rows.size(1) != 1) {
    return fail("clip_score", "its rows have " + std::to_string(input.rows.size(1)) + " columns",
                "1, the cosine: an extractor of kind clip");
  }
  at::Tensor cosine = input.rows.select(1, 0).to(at::kDouble);
  if (has_floor) cosine = cosine.clamp_min(0);
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

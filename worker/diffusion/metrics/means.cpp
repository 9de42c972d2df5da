#include <algorithm>
#include <cmath>

#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

struct Mean {
  double value = 0;
  double error = 0;  // standard error
};

Mean mean_of(const at::Tensor& values) {
  const auto n = static_cast<double>(values.size(0));
  const double mean = values.mean().item<double>();
  const at::Tensor deviation = values - mean;
  return {mean, std::sqrt((deviation * deviation).sum().item<double>() / (n - 1) / n)};
}

Result<void> check_count(const char* metric, std::int64_t n) {
  if (n >= 2) return {};
  return fail(metric, "there are only " + std::to_string(n) + " images", "2 or more");
}

// Wilson's interval for a share, which stays within [0, 1] and has a width even when all images
// agree. Images that are partly right vary less than a coin of that share: they count as
// correspondingly more.
std::pair<double, double> wilson(const Mean& mean, std::int64_t n) {
  const double p = mean.value, z2 = kNormalQuantile * kNormalQuantile;
  const double trials = mean.error > 0 ? std::max(p * (1 - p) / (mean.error * mean.error), 1.0)
                                       : static_cast<double>(n);
  const double centre = (p + z2 / (2 * trials)) / (1 + z2 / trials);
  const double half = kNormalQuantile / (1 + z2 / trials) *
                      std::sqrt(std::max(p * (1 - p), 0.0) / trials + z2 / (4 * trials * trials));
  return {std::max(centre - half, 0.0), std::min(centre + half, 1.0)};
}

}  // namespace

Result<Json> score_clip(const ScoreInput& input, JsonReader& protocol) {
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

// A column an attribute: 1 right, 0 wrong, NaN where the caption does not ask for it.
Result<Json> score_attributes(const ScoreInput& input, JsonReader& protocol) {
  const std::string reduce = protocol.get_or<std::string>("reduce", "mean");
  if (reduce != "mean" && reduce != "all")
    protocol.fault("reduce", "it is '" + reduce + "'", "mean or all");
  protocol.finish();
  if (!protocol.ok()) return fail(protocol.take());
  const std::int64_t n = input.rows.size(0);
  if (auto enough = check_count("attribute_accuracy", n); !enough) return fail(enough.error());
  const at::Tensor rows = input.rows.to(at::kDouble);
  const at::Tensor is_asked = at::isnan(rows).logical_not();
  const at::Tensor right = at::where(is_asked, rows, at::zeros_like(rows));
  if (((right != 0).logical_and(right != 1)).any().item<bool>()) {
    return fail("attribute_accuracy", "its rows hold other values than 0 and 1",
                "an extractor of kind mini-attributes");
  }
  const at::Tensor asked = is_asked.sum(1).to(at::kDouble);
  if (asked.min().item<double>() < 1)
    return fail("attribute_accuracy", "an image has no attribute that was asked for");
  const at::Tensor share = right.sum(1) / asked;
  const at::Tensor all = (share == 1).to(at::kDouble);
  const Mean mean = mean_of(reduce == "all" ? all : share);
  const auto [low, high] = wilson(mean, n);
  Json columns = Json::array();
  for (std::int64_t c = 0; c < rows.size(1); ++c) {
    const double count = is_asked.select(1, c).sum().item<double>();
    columns.push_back(count > 0 ? Json(right.select(1, c).sum().item<double>() / count) : Json());
  }
  return Json{{"value", mean.value},
              {"low", low},
              {"high", high},
              {"n", n},
              {"standard_error", mean.error},
              {"columns", columns},
              {"all_right", all.mean().item<double>()},
              {"interval", {{"method", "wilson"}, {"level", kLevel}}},
              {"notes", Json::array()}};
}

}  // namespace isocost::diffusion

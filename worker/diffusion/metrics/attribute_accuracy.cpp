#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

// A column an attribute: 1 right, 0 wrong, NaN where the caption does not ask for it.
Result<Json> score_attribute_accuracy(const ScoreInput& input, const Json& protocol) {
  const std::int64_t n = input.rows.size(0);
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
  const Mean mean = mean_of(protocol.at("reduce") == "all" ? all : share);
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

#include "worker/diffusion/metrics/score.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>

#include "schema/metrics/metric.h"
#include "schema/metrics/rows.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

using Compute = Result<Json> (*)(const ScoreInput& input, const Json& protocol);

const std::map<std::string, Compute>& table() {
#define ISOCOST_ROW(name) {#name, score_##name},
  static const std::map<std::string, Compute> kMetrics = {
#include "worker/diffusion/metrics/rows.inc"
  };
#undef ISOCOST_ROW
  return kMetrics;
}

Result<void> check_rows(const metrics::Metric& metric, const at::Tensor& rows) {
  const bool is_table =
      rows.defined() && rows.dim() == 2 && rows.size(1) > 0 && rows.is_floating_point();
  if (!is_table) return fail(metric.name, "its rows are no table of features", "[n, D] floats");
  const auto& kind = metrics::rows_kind(metric.rows);
  if (kind.columns != 0 && rows.size(1) != kind.columns)
    return fail(metric.name, "its rows have " + std::to_string(rows.size(1)) + " columns",
                std::to_string(kind.columns) + ": " + kind.text);
  const at::Tensor is_bad = kind.may_hold_nan ? at::isinf(rows) : at::isfinite(rows).logical_not();
  const at::Tensor bad = is_bad.any(1).nonzero();
  if (bad.size(0) == 0) return {};
  return fail(metric.name, "the features of " + std::to_string(bad.size(0)) +
                               " images are not finite, first of the " +
                               std::to_string(bad[0][0].item<std::int64_t>() + 1) + ". one");
}

Result<void> check_reference(const metrics::Metric& metric, const ScoreInput& input) {
  if (metric.reference == metrics::ReferenceNeed::kNone) return {};
  if (input.reference == nullptr)
    return fail(metric.name, "no reference is given", "statistics of a data set");
  if (input.reference->dimensions() != input.rows.size(1)) {
    return fail(metric.name,
                "the reference has " + std::to_string(input.reference->dimensions()) +
                    " features and the images " + std::to_string(input.rows.size(1)),
                "both from one extractor");
  }
  if (metric.reference == metrics::ReferenceNeed::kRows && !input.reference->rows.defined()) {
    return fail(metric.name, "the reference holds statistics alone",
                "one made of pictures, whose rows are kept");
  }
  return {};
}

Result<void> check_images(const metrics::Metric& metric, const ScoreInput& input,
                          const Json& protocol) {
  const auto n = input.rows.size(0);
  const bool has_rows = metric.reference == metrics::ReferenceNeed::kRows;
  const auto fewest = has_rows ? std::min(n, input.reference->rows.size(0)) : n;
  const auto least = static_cast<std::int64_t>(metric.images_for(protocol));
  if (fewest >= least) return {};
  return fail(metric.name,
              "there are only " + std::to_string(fewest) + " images" +
                  (fewest < n ? " in the reference" : ""),
              std::to_string(least) + " or more");
}

// What rounding or a symmetric interval carries beyond what a value can be. NaN stays NaN.
void keep_within_bounds(const metrics::Metric& metric, Json& values) {
  for (const char* member : {"value", "low", "high"})
    if (const auto found = values.find(member); found != values.end() && found->is_number())
      *found = std::clamp(found->get<double>(), metric.least, metric.most);
}

}  // namespace

Result<Json> score(const std::string& name, const ScoreInput& input) {
  const auto* metric = metrics::find_metric(name);
  const auto compute = table().find(name);
  if (metric == nullptr || compute == table().end())
    return fail("metric", "'" + name + "' is unknown", joined(metrics::metric_names()));
  const at::NoGradGuard no_gradients;
  if (auto rows = check_rows(*metric, input.rows); !rows) return fail(rows.error());
  if (auto reference = check_reference(*metric, input); !reference) return fail(reference.error());
  const auto protocol = completed(metric->protocol, input.protocol, name + " protocol");
  if (!protocol) return fail(protocol.error());
  if (auto enough = check_images(*metric, input, *protocol); !enough) return fail(enough.error());
  auto values = compute->second(input, *protocol);
  if (values) keep_within_bounds(*metric, *values);
  return values;
}

std::vector<std::string> computed_metrics() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : table()) names.push_back(name);
  return names;
}

}  // namespace isocost::diffusion

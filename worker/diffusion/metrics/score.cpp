#include "worker/diffusion/metrics/score.h"

#include <ATen/core/grad_mode.h>

#include <map>

#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

struct Metric {
  Result<Json> (*compute)(const ScoreInput& input, JsonReader& protocol);
  bool needs_reference = false;
  bool needs_reference_rows = false;
  bool takes_nan = false;
};

const std::map<std::string, Metric>& metrics() {
  static const std::map<std::string, Metric> kMetrics = {
      {"fid", {score_fid, true, false, false}},
      {"kid", {score_kid, true, true, false}},
      {"clip_score", {score_clip, false, false, false}},
      {"attribute_accuracy", {score_attributes, false, false, true}},
  };
  return kMetrics;
}

Result<void> check_rows(const std::string& name, const Metric& metric, const at::Tensor& rows) {
  const bool is_table =
      rows.defined() && rows.dim() == 2 && rows.size(1) > 0 && rows.is_floating_point();
  if (!is_table) return fail(name, "its rows are no table of features", "[n, D] floats");
  const at::Tensor is_bad = metric.takes_nan ? at::isinf(rows) : at::isfinite(rows).logical_not();
  const at::Tensor bad = is_bad.any(1).nonzero();
  if (bad.size(0) == 0) return {};
  return fail(name, "the features of " + std::to_string(bad.size(0)) +
                        " images are not finite, first of the " +
                        std::to_string(bad[0][0].item<std::int64_t>() + 1) + ". one");
}

Result<void> check_reference(const std::string& name, const Metric& metric,
                             const ScoreInput& input) {
  if (!metric.needs_reference) return {};
  if (input.reference == nullptr)
    return fail(name, "no reference is given", "statistics of a data set");
  if (input.reference->dimensions() != input.rows.size(1)) {
    return fail(name,
                "the reference has " + std::to_string(input.reference->dimensions()) +
                    " features and the images " + std::to_string(input.rows.size(1)),
                "both from one extractor");
  }
  if (metric.needs_reference_rows && !input.reference->rows.defined()) {
    return fail(name, "the reference holds statistics alone",
                "one made of pictures, whose rows are kept");
  }
  return {};
}

}  // namespace

Result<Json> score(const std::string& name, const ScoreInput& input) {
  const auto metric = metrics().find(name);
  if (metric == metrics().end()) {
    std::string known;
    for (const auto& [other, unused] : metrics()) known += (known.empty() ? "" : ", ") + other;
    return fail("metric", "'" + name + "' is unknown", known);
  }
  const at::NoGradGuard no_gradients;
  if (auto rows = check_rows(name, metric->second, input.rows); !rows) return fail(rows.error());
  if (auto reference = check_reference(name, metric->second, input); !reference)
    return fail(reference.error());
  JsonReader protocol(input.protocol, name + " protocol");
  return metric->second.compute(input, protocol);
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : metrics()) names.push_back(name);
  return names;
}

bool needs_reference(const std::string& metric) {
  const auto found = metrics().find(metric);
  return found != metrics().end() && found->second.needs_reference;
}

bool needs_reference_rows(const std::string& metric) {
  const auto found = metrics().find(metric);
  return found != metrics().end() && found->second.needs_reference_rows;
}

}  // namespace isocost::diffusion

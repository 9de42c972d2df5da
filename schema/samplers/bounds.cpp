#include "schema/samplers/bounds.h"

namespace isocost::sampling {

std::vector<Option> bound_options(Bounds bounds) {
  std::vector<Option> options = {
      flag("thresholding", false, "dynamic thresholding of x0"),
      number("dynamic_thresholding_ratio", 0.995, {0, 1, true}, "its quantile"),
      number("sample_max_value", 1, {0, 1e6}, "its largest threshold")};
  if (bounds == Bounds::kThresholding) return options;
  options.push_back(flag("clip_sample", true, "x0 is clipped"));
  options.push_back(number("clip_sample_range", 1, {0, 1e6}, "to plus and minus this"));
  return options;
}

void drop_idle_bounds(const SamplerConfig& config, Json& key) {
  const bool has_clip = config.own.contains("clip_sample");
  const bool is_thresholding = config.flag("thresholding");
  if (is_thresholding) key.erase("clip_sample");
  if (is_thresholding || !has_clip || !config.flag("clip_sample")) key.erase("clip_sample_range");
  if (!is_thresholding) key.erase("sample_max_value");
  // A threshold is at least 1, so a largest value of 1 leaves the ratio nothing to decide.
  if (!is_thresholding || config.number("sample_max_value") <= 1)
    key.erase("dynamic_thresholding_ratio");
}

}  // namespace isocost::sampling

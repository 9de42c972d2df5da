// How BasicSR tests enlargements, for the metrics that it names: options of an extractor that
// compares pixels. Pure values, any thread.
#pragma once

#include <vector>

#include "schema/metrics/metric.h"

namespace isocost::metrics {

[[nodiscard]] inline std::vector<Preset> basicsr_presets() {
  const auto options = [](const char* channels) {
    return Json{{"crop_border", 4}, {"channels", channels}};
  };
  return {{"basicsr-x4", "of 4-fold enlargements: 4 pixels along each edge are left out",
           options("rgb"), Json::object()},
          {"basicsr-x4-y", "the same, of the luma alone", options("y"), Json::object()}};
}

}  // namespace isocost::metrics

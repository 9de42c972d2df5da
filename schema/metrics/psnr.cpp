#include "schema/metrics/basicsr.h"
#include "schema/metrics/metric.h"

namespace isocost::metrics {
Metric psnr_row() {
  Metric row("psnr", "PSNR", Direction::kHigherIsBetter);
  row.unit = "dB";
  row.explanation =
      "Peak signal-to-noise ratio between a picture and its target, the mean over the pictures; "
      "higher is better.";
  row.paper = "as BasicSR defines it";
  row.same_as = "BasicSR's calculate_psnr";
  row.may_be_infinite = true;
  row.rows = Rows::kSquaredError;
  row.presets = basicsr_presets();
  return row;
}

}  // namespace isocost::metrics

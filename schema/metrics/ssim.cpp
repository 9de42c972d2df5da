#include "schema/metrics/basicsr.h"
#include "schema/metrics/metric.h"

namespace isocost::metrics {
Metric ssim_row() {
  Metric row("ssim", "SSIM", Direction::kHigherIsBetter);
  row.explanation =
      "Structural similarity of a picture and its target, the mean over the pictures; higher is "
      "better, 1 is equal.";
  row.paper = "Wang et al. 2004";
  row.same_as = "BasicSR's calculate_ssim";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kStructure;
  row.presets = basicsr_presets();
  return row;
}

}  // namespace isocost::metrics

#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric lpips_row() {
  Metric row("lpips", "LPIPS", Direction::kLowerIsBetter);
  row.explanation =
      "Distance of deep features of a picture and its target, weighted as people judge, the "
      "mean over the pictures; lower is better, 0 is equal.";
  row.paper = "Zhang et al. 2018";
  row.same_as = "lpips 0.1.4, version 0.1";
  row.least = 0;
  row.rows = Rows::kPerceptual;
  return row;
}

}  // namespace isocost::metrics

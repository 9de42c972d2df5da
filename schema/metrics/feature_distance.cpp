#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric feature_distance_row() {
  Metric row("feature_distance", "Feature distance", Direction::kLowerIsBetter);
  row.explanation =
      "Distance of a picture and its target in every level of the mini family's feature network, "
      "as LPIPS has it without learned weights, the mean over the pictures; lower is better, 0 is "
      "equal.";
  row.paper = "Zhang et al. 2018";
  row.same_as = "lpips 0.1.4 without its heads, on these features";
  row.least = 0;
  row.rows = Rows::kMiniPerceptual;
  return row;
}

}  // namespace isocost::metrics

#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric feature_distance_row() {
  Metric row("feature_distance", "Feature distance", Direction::kLowerIsBetter);
  row.explanation =
      "Distance of a picture and its target in every level of the mini family's feature network, as "
      "LPIPS has it without learned weights, the mean over the pictures; lower is better, 0 is "
      "equal.";
  row.paper = "docs/mini-family.md";
  row.same_as = "the mini family";
  row.least = 0;
  row.rows = Rows::kMiniPerceptual;
  return row;
}

}  // namespace isocost::metrics

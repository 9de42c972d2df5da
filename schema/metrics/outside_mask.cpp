#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric outside_mask_row() {
  Metric row("outside_mask", "Change outside the mask", Direction::kLowerIsBetter);
  row.explanation =
      "How much a picture differs from its source where the mask says that nothing changes; "
      "lower is better, 0 is kept to the last bit.";
  row.paper = "Ju et al. 2024 (PIE-Bench)";
  row.same_as = "numpy";
  row.least = 0;
  row.rows = Rows::kOutsideMask;
  row.protocol = {choice("distance", "l1", {"l1", "l2"},
                         "mean absolute or mean squared difference, of pixels in [0, 1]")};
  return row;
}

}  // namespace isocost::metrics

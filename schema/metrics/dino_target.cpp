#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric dino_target_row() {
  Metric row("dino_target", "DINO to the target", Direction::kHigherIsBetter);
  row.explanation =
      "Cosine between the class tokens of a picture and of its target; higher is better.";
  row.paper = "Zhang et al. 2023 (MagicBrush), Caron et al. 2021";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kVitToTarget;
  return row;
}

}  // namespace isocost::metrics

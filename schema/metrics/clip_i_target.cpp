#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric clip_i_target_row() {
  Metric row("clip_i_target", "CLIP-I to the target", Direction::kHigherIsBetter);
  row.explanation =
      "Cosine between the CLIP embeddings of a picture and of its target; higher is better.";
  row.paper = "Zhang et al. 2023 (MagicBrush)";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kClipToTarget;
  return row;
}

}  // namespace isocost::metrics

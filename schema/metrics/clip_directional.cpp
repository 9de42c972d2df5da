#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric clip_directional_row() {
  Metric row("clip_directional", "Directional CLIP similarity", Direction::kHigherIsBetter);
  row.explanation =
      "Cosine between the way from the source to the picture and the way from the source's "
      "text to the target's, both in the CLIP space: whether the change is the one that was "
      "asked for; higher is better.";
  row.paper = "Gal et al. 2022, Brooks et al. 2023";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kClipDirection;
  return row;
}

}  // namespace isocost::metrics

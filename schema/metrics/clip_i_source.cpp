#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric clip_i_source_row() {
  Metric row("clip_i_source", "CLIP-I to the source", Direction::kHigherIsBetter);
  row.explanation =
      "Cosine between the CLIP embeddings of a picture and of its source: how much of it is "
      "kept; higher is better.";
  row.paper = "Brooks et al. 2023";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kClipToSource;
  return row;
}

}  // namespace isocost::metrics

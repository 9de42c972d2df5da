#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric clip_i_row() {
  Metric row("clip_i", "CLIP-I", Direction::kHigherIsBetter);
  row.explanation =
      "Mean cosine between the CLIP embeddings of every generated and every real picture of "
      "a subject; higher is better.";
  row.paper = "Ruiz et al. 2023";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kClipFeatures;
  row.reference = ReferenceNeed::kRows;
  return row;
}

}  // namespace isocost::metrics

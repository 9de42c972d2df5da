#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric clip_t_row() {
  Metric row("clip_t", "CLIP-T", Direction::kHigherIsBetter);
  row.explanation =
      "Cosine between the CLIP embeddings of a picture and of the text that says what it "
      "should show; higher is better.";
  row.paper = "Ruiz et al. 2023";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kClipToText;
  return row;
}

}  // namespace isocost::metrics

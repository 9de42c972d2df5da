#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric dino_source_row() {
  Metric row("dino_source", "DINO to the source", Direction::kHigherIsBetter);
  row.explanation =
      "Cosine between the class tokens of a picture and of its source: how much of it is "
      "kept; higher is better.";
  row.paper = "Ruiz et al. 2023, Caron et al. 2021";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kVitToSource;
  return row;
}

}  // namespace isocost::metrics

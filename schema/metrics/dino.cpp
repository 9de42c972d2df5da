#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric dino_row() {
  Metric row("dino", "DINO", Direction::kHigherIsBetter);
  row.explanation =
      "Mean cosine between the class tokens of every generated and every real picture of a "
      "subject, of a self-supervised vision transformer; higher is better.";
  row.paper = "Ruiz et al. 2023, Caron et al. 2021";
  row.same_as = "transformers";
  row.least = -1;
  row.most = 1;
  row.rows = Rows::kVitFeatures;
  row.reference = ReferenceNeed::kRows;
  return row;
}

}  // namespace isocost::metrics

#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric attribute_keep_row() {
  Metric row("attribute_keep", "Attribute keep", Direction::kHigherIsBetter);
  row.explanation =
      "Share of the attributes that an edit was to leave which a network reads from the picture as "
      "from source and target, which agree there, the mean over the edits; higher is better.";
  row.paper = "docs/metrics.md";
  row.same_as = "numpy";
  row.least = 0;
  row.most = 1;
  row.rows = Rows::kEditAnswers;
  return row;
}

}  // namespace isocost::metrics

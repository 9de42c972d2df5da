#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric attribute_change_row() {
  Metric row("attribute_change", "Attribute change", Direction::kHigherIsBetter);
  row.explanation =
      "Share of the attributes that an edit was to change which a network reads from the picture "
      "as from the target, the mean over the edits; higher is better.";
  row.paper = "docs/metrics.md";
  row.same_as = "numpy";
  row.least = 0;
  row.most = 1;
  row.rows = Rows::kEditAnswers;
  return row;
}

}  // namespace isocost::metrics

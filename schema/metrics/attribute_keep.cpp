#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric attribute_keep_row() {
  Metric row("attribute_keep", "Attribute keep", Direction::kHigherIsBetter);
  row.explanation =
      "Share of the attributes that an edit was to leave which a network reads from the picture as "
      "from the source, the mean over the edits; higher is better.";
  row.paper = "docs/mini-family.md";
  row.same_as = "the mini family";
  row.least = 0;
  row.most = 1;
  row.rows = Rows::kEditAnswers;
  return row;
}

}  // namespace isocost::metrics

#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric attribute_accuracy_row() {
  Metric row("attribute_accuracy", "Attribute accuracy", Direction::kHigherIsBetter);
  row.explanation =
      "Share of what the caption tells (shape, colour, size, texture, place, arrangement) that a "
      "network reads from the picture; higher is better.";
  row.paper = "docs/mini-family.md";
  row.same_as = "the mini family";
  row.least = 0;
  row.most = 1;
  row.rows = Rows::kAnswers;
  row.protocol = {choice("reduce", "mean", {"mean", "all"},
                         "the mean share of an image, or the share of images with all right")};
  return row;
}

}  // namespace isocost::metrics

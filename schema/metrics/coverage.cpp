#include "schema/metrics/metric.h"
#include "schema/metrics/neighbours.h"

namespace isocost::metrics {

Metric coverage_row() {
  Metric row("coverage", "Coverage", Direction::kHigherIsBetter);
  row.explanation =
      "Share of the real pictures that have a generated one as near as their own neighbours "
      "are; higher is better.";
  row.paper = "Naeem et al. 2020";
  row.same_as = "prdc 0.2";
  row.least = 0;
  row.most = 1;
  row.reference = ReferenceNeed::kRows;
  row.images_min = 8;
  row.images_of = more_than_neighbours;
  row.protocol = {neighbours(5)};
  return row;
}

}  // namespace isocost::metrics

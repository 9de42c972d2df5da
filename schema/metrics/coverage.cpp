#include "schema/metrics/neighbours.h"

namespace isocost::metrics {

Metric coverage_row() {
  Metric row = of_neighbours("coverage", "Coverage", 5);
  row.explanation =
      "Share of the real pictures that have a generated one as near as their own neighbours "
      "are; higher is better.";
  row.paper = "Naeem et al. 2020";
  row.same_as = "prdc 0.2";
  row.most = 1;
  return row;
}

}  // namespace isocost::metrics

#include "schema/metrics/neighbours.h"

namespace isocost::metrics {

Metric density_row() {
  Metric row = of_neighbours("density", "Density", 5);
  row.explanation =
      "How many real pictures have a generated one as near as their own neighbours are, for "
      "each picture over the number of neighbours; higher is better, 1 is what real "
      "pictures have.";
  row.paper = "Naeem et al. 2020";
  row.same_as = "prdc 0.2";
  return row;
}

}  // namespace isocost::metrics

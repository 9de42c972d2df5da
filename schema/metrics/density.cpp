#include "schema/metrics/metric.h"
#include "schema/metrics/neighbours.h"

namespace isocost::metrics {

Metric density_row() {
  Metric row("density", "Density", Direction::kHigherIsBetter);
  row.explanation =
      "How many real pictures have a generated one as near as their own neighbours are, for "
      "each picture over the number of neighbours; higher is better, 1 is what real "
      "pictures have.";
  row.paper = "Naeem et al. 2020";
  row.same_as = "prdc 0.2";
  row.least = 0;
  row.reference = ReferenceNeed::kRows;
  row.images_min = 8;
  row.images_of = more_than_neighbours;
  row.protocol = {neighbours(5)};
  return row;
}

}  // namespace isocost::metrics

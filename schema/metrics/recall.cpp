#include "schema/metrics/inception.h"
#include "schema/metrics/metric.h"
#include "schema/metrics/neighbours.h"

namespace isocost::metrics {

Metric recall_row() {
  Metric row("recall", "Recall", Direction::kHigherIsBetter);
  row.explanation =
      "Share of the real pictures that lie as near to a generated picture as its own "
      "neighbours do: how much of the real is reached; higher is better.";
  row.paper = "Kynkäänniemi et al. 2019";
  row.same_as = "torch-fidelity 0.4.0";
  row.least = 0;
  row.most = 1;
  row.reference = ReferenceNeed::kRows;
  row.images_min = 8;
  row.images_of = more_than_neighbours;
  row.protocol = {neighbours(3)};
  row.presets = {{"torch-fidelity", "the same; 3 neighbours", torch_fidelity_input(), {{"k", 3}}}};
  return row;
}

}  // namespace isocost::metrics

#include "schema/metrics/inception.h"
#include "schema/metrics/neighbours.h"

namespace isocost::metrics {

Metric recall_row() {
  Metric row = of_neighbours("recall", "Recall", 3);
  row.explanation =
      "Share of the real pictures that lie as near to a generated picture as its own "
      "neighbours do: how much of the real is reached; higher is better.";
  row.paper = "Kynkäänniemi et al. 2019";
  row.same_as = "torch-fidelity 0.4.0";
  row.most = 1;
  row.presets = {{"torch-fidelity", "the same; 3 neighbours", torch_fidelity_input(), {{"k", 3}}}};
  return row;
}

}  // namespace isocost::metrics

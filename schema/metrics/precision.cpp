#include "schema/metrics/inception.h"
#include "schema/metrics/neighbours.h"

namespace isocost::metrics {

Metric precision_row() {
  Metric row = of_neighbours("precision", "Precision", 3);
  row.explanation =
      "Share of the generated pictures that lie as near to a real picture as its own "
      "neighbours do: how real they are; higher is better.";
  row.paper = "Kynkäänniemi et al. 2019";
  row.same_as = "torch-fidelity 0.4.0";
  row.most = 1;
  row.presets = {{"torch-fidelity", "the same; 3 neighbours", torch_fidelity_input(), {{"k", 3}}}};
  return row;
}

}  // namespace isocost::metrics

#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric clip_score_row() {
  Metric row("clip_score", "CLIP score", Direction::kHigherIsBetter);
  row.explanation =
      "Cosine between the picture's and its prompt's CLIP embedding; higher is better.";
  row.paper = "Hessel et al. 2021";
  row.same_as = "torchmetrics, transformers";
  row.rows = Rows::kCosine;
  row.protocol = {number("scale", 1, {0, 1000, true}, "the cosine is multiplied by"),
                  flag("floor_at_zero", false, "negative cosines count as 0")};
  row.presets = {{"hessel",
                  "2.5 max(cosine, 0), as Hessel et al. 2021 define it",
                  Json::object(),
                  {{"scale", 2.5}, {"floor_at_zero", true}}},
                 {"torchmetrics",
                  "100 max(cosine, 0)",
                  Json::object(),
                  {{"scale", 100.0}, {"floor_at_zero", true}}}};
  return row;
}

}  // namespace isocost::metrics

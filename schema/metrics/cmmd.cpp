#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric cmmd_row() {
  Metric row("cmmd", "CMMD", Direction::kLowerIsBetter);
  row.explanation =
      "Kernel distance between the CLIP embeddings of generated and of real pictures, which "
      "assumes no shape of their distribution; lower is better. It is biased, so only "
      "scores with equal n are compared.";
  row.paper = "Jayasumana et al. 2024";
  row.same_as = "google-research/cmmd";
  row.least = 0;
  row.rows = Rows::kWholeFeatures;
  row.reference = ReferenceNeed::kRows;
  row.images_min = 8;
  row.protocol = {number("sigma", 10, {0, 1e6, true}, "of the kernel exp(-d² / 2 sigma²)"),
                  number("scale", 1000, {0, 1e9, true}, "the distance is multiplied by")};
  return row;
}

}  // namespace isocost::metrics

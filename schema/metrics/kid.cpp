#include "schema/metrics/metric.h"

namespace isocost::metrics {

Metric kid_row() {
  Metric row("kid", "KID", Direction::kLowerIsBetter);
  row.explanation =
      "Kernel distance between the features of generated and of real pictures, without bias; lower "
      "is better.";
  row.reference = ReferenceNeed::kRows;
  row.images_min = 8;
  row.protocol = {whole("subsets", 0, {0, 1000},
                        "0: the whole sample, every pair once; else the mean over so many subsets"),
                  whole("subset_size", 1000, {2, 10'000'000}, "images of each side in a subset"),
                  whole("seed", 0, {0, kSeedMax}, "of the draws")};
  row.presets = {{"torch-fidelity",
                  "100 subsets of 1000",
                  Json::object(),
                  {{"subsets", 100}, {"subset_size", 1000}}}};
  return row;
}

}  // namespace isocost::metrics

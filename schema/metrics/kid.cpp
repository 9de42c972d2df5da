#include "schema/metrics/inception.h"
#include "schema/metrics/metric.h"

namespace isocost::metrics {
namespace {

std::uint64_t subset_images(const Json& protocol) {
  const bool has_subsets = protocol.at("subsets") > 0;
  return has_subsets ? protocol.at("subset_size").get<std::uint64_t>() : 0;
}

}  // namespace

Metric kid_row() {
  Metric row("kid", "KID", Direction::kLowerIsBetter);
  row.explanation =
      "Kernel distance between the features of generated and of real pictures, without bias; lower "
      "is better.";
  row.paper = "Bińkowski et al. 2018";
  row.same_as = "torch-fidelity 0.4.0";
  row.reference = ReferenceNeed::kRows;
  row.images_min = 8;
  row.images_of = subset_images;
  row.protocol = {whole("subsets", 0, {0, 1000},
                        "0: the whole sample, every pair once; else the mean over so many subsets"),
                  beside("subsets", whole("subset_size", 1000, {2, 10'000'000},
                                          "images of each side in a subset")),
                  beside("subsets", whole("seed", 0, {0, kSeedMax}, "of the draws"))};
  row.presets = {{"torch-fidelity",
                  "the same, and 100 subsets of 1000",
                  torch_fidelity_input(),
                  {{"subsets", 100}, {"subset_size", 1000}}}};
  return row;
}

}  // namespace isocost::metrics

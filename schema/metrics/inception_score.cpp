#include "schema/metrics/inception.h"
#include "schema/metrics/metric.h"

namespace isocost::metrics {
namespace {

// Two of each split, so that one can be left out.
std::uint64_t two_a_split(const Json& protocol) {
  return 2 * protocol.at("splits").get<std::uint64_t>();
}

}  // namespace

Metric inception_score_row() {
  Metric row("inception_score", "Inception score", Direction::kHigherIsBetter);
  row.explanation =
      "How sure a classifier is of each picture's class and how many classes the pictures have; "
      "higher is better, 1 is the least. It looks at no reference and no prompt.";
  row.paper = "Salimans et al. 2016";
  row.same_as = "torch-fidelity 0.4.0";
  row.least = 1;
  row.rows = Rows::kLogits;
  row.images_of = two_a_split;
  row.protocol = {whole("splits", 10, {1, 1000}, "parts whose scores are averaged"),
                  choice("order", "shuffled", {"shuffled", "images"},
                         "of the pictures before they are split: as numpy's RandomState(seed) "
                         "permutes them, or by their numbers"),
                  whole("seed", 2020, {0, 4294967295}, "of the shuffle")};
  row.presets = {{"torch-fidelity",
                  "the same; 10 splits, shuffled with the seed 2020",
                  torch_fidelity_input(),
                  {{"splits", 10}, {"order", "shuffled"}, {"seed", 2020}}}};
  return row;
}

}  // namespace isocost::metrics

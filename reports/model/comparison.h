// Whether one score is better than another beyond chance.
//
//   const auto gap = difference(*a.score, *b.score);
//   gap->low > 0 || gap->high < 0      told apart
//
// Scores of one group draw the same images in replicate r (docs/metrics.md), and cells of one study
// share prompts and starting noise. So the replicates' differences hold only what the two settings
// do differently: intervals that overlap widely may belong to a clear difference. Pure; any thread.
#pragma once

#include <optional>

#include "reports/model/data.h"

namespace isocost::report {

// a - b with its 95 % interval.
struct Difference {
  double value = 0;
  double low = 0, high = 0;
};

// Paired where both scores have as many replicates, made in the same way: percentiles of a
// bootstrap, or the standard error of a delete-a-group jackknife (Efron and Tibshirani 1993,
// chapters 10 and 11). Else from the two intervals as if independent, which is wider where prompts
// are shared (Zou and Donner 2008: each side is the root of the sum of the squared sides). Nothing
// where a value or an interval is missing. Requires: two scores of one group.
[[nodiscard]] std::optional<Difference> difference(const Score& a, const Score& b);

}  // namespace isocost::report

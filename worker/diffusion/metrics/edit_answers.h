// The mean of a column of shares of edits, in which NaN stands where there was nothing to read.
// For the metrics that are one. Thread: any.
#pragma once

#include <string>

#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {

// Of the images that have a share: which those are depends on their items alone, so cells of the
// same items leave out the same ones. Where all have the same, Wilson's interval, which has a width
// even then; else as mean_values(). Fails with: fewer than two have one.
[[nodiscard]] Result<Json> mean_of_edits(const ScoreInput& input, std::int64_t column,
                                         const std::string& metric);

}  // namespace isocost::diffusion

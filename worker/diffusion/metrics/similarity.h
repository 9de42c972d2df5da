// The mean cosine between every picture's features and every reference picture's (DreamBooth).
#pragma once

#include "worker/diffusion/metrics/mean.h"

namespace isocost::diffusion {

// Of unit length each, float64.
[[nodiscard]] at::Tensor unit_rows(const at::Tensor& rows);

// The interval is over the pictures; the reference is held fixed.
[[nodiscard]] Json similarity_to_set(const ScoreInput& input);

}  // namespace isocost::diffusion

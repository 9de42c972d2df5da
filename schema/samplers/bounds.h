// Options that bound the x0 which a solver sees: clipping and dynamic thresholding (Saharia et al.
// 2022, section 2.3). What rows of the table are put together from. Pure, any thread.
#pragma once

#include <vector>

#include "schema/options.h"
#include "schema/samplers/config.h"

namespace isocost::sampling {

enum class Bounds { kThresholding, kThresholdingAndClipping };
[[nodiscard]] std::vector<Option> bound_options(Bounds bounds);
// Takes out what has no effect. See Sampler::drop_idle.
void drop_idle_bounds(const SamplerConfig& config, Json& key);

}  // namespace isocost::sampling

// The scheduler configuration that Stable Diffusion 1.5 ships.
#pragma once

#include "schema/samplers/resolve.h"

namespace isocost::sampling {

inline const Json kStableDiffusion = {
    {"_class_name", "PNDMScheduler"},   {"beta_start", 0.00085},     {"beta_end", 0.012},
    {"beta_schedule", "scaled_linear"}, {"set_alpha_to_one", false}, {"steps_offset", 1},
    {"skip_prk_steps", true},           {"clip_sample", false}};

inline const StoredScheduler kStored =
    stored_scheduler(kStableDiffusion, "StableDiffusionPipeline");

}  // namespace isocost::sampling

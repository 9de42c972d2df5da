// The solvers behind sample(): one file each, one line each in samplers.cpp.
#pragma once

#include "worker/diffusion/samplers/sampler.h"

namespace isocost::diffusion {

[[nodiscard]] at::Tensor ddim(const sampling::SamplerConfig& config, const Predict& predict,
                              const Trajectory& start);
[[nodiscard]] at::Tensor ddpm(const sampling::SamplerConfig& config, const Predict& predict,
                              const Trajectory& start);
[[nodiscard]] at::Tensor dpmpp_2m(const sampling::SamplerConfig& config, const Predict& predict,
                                  const Trajectory& start);

}  // namespace isocost::diffusion

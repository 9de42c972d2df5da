// What every solver does with the network's raw output: recover x0 and epsilon, and bound x0.
//
// alpha and sigma are those of x_t = alpha x0 + sigma epsilon. Pure tensor functions, any thread.
#pragma once

#include <ATen/ATen.h>

#include "schema/samplers/config.h"

namespace isocost::diffusion {

// x0 from a network that predicts epsilon, v (Salimans and Ho 2022, appendix D: v = alpha epsilon -
// sigma x0) or x0.
[[nodiscard]] at::Tensor predict_x0(const sampling::SamplerConfig& config, const at::Tensor& x,
                                    const at::Tensor& output, double alpha, double sigma);
[[nodiscard]] at::Tensor predict_epsilon(const sampling::SamplerConfig& config, const at::Tensor& x,
                                         const at::Tensor& output, double alpha, double sigma);

// Dynamic thresholding (Saharia et al. 2022, section 2.3) or clipping, as configured; samplers
// without options to clip never do.
[[nodiscard]] at::Tensor bound_x0(const sampling::SamplerConfig& config, const at::Tensor& x0);

}  // namespace isocost::diffusion

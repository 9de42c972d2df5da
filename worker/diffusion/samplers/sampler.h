// The solvers' seams: a network that predicts, noise that is keyed, and a function that goes from
// x_T to x_0.
//
// No sampler knows a model and no model a sampler: a solver sees predict(x, t) alone. Sampler state
// lives in the call. Thread: one at a time per object.
#pragma once

#include <ATen/ATen.h>

#include <functional>

#include "schema/sampling/sampling.h"

namespace isocost::diffusion {

// The network's raw output (epsilon, v or x0, as prediction_type says) for scaled input x [B, C, H,
// W] at timestep t, guidance included.
using Predict = std::function<at::Tensor(const at::Tensor& x, double t)>;

// The k-th draw beyond x_T, k = 0, 1, ...: standard normal of x's shape in float32.
using Draw = std::function<at::Tensor(int k)>;

// Called after the update that follows network call k.
using AfterCall = std::function<void(int k, const at::Tensor& x)>;

struct Trajectory {
  at::Tensor x_T;  // standard normal [B, C, H, W], float32, before init_noise_sigma
  Draw draw;
  AfterCall after_call;  // may be empty
};

// x_0, float32 [B, C, H, W]. Dispatches by config.sampler through the table in samplers.cpp.
[[nodiscard]] at::Tensor sample(const sampling::SamplerConfig& config, const Predict& predict,
                                const Trajectory& start);

}  // namespace isocost::diffusion

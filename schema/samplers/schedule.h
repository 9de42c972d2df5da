// Training schedules and discretisations, in the arithmetic of diffusers: float32 tables, numpy's
// float64 grids. What rows of the table are put together from. Pure, any thread.
#pragma once

#include <vector>

#include "schema/samplers/config.h"

namespace isocost::sampling {

// alphas_cumprod in float32, the operations in PyTorch's order (2.1), num_train_timesteps long.
[[nodiscard]] std::vector<float> alphas_cumprod(const SamplerConfig& config);
// sqrt((1 - alphas_cumprod) / alphas_cumprod)
[[nodiscard]] std::vector<float> sigmas_of(const SamplerConfig& config);

// The timesteps of N calls as DDIM, DDPM and PNDM visit them.
[[nodiscard]] std::vector<double> alpha_timesteps(const SamplerConfig& config);

// Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", equation
// 5, rho = 7.
[[nodiscard]] std::vector<double> karras_sigmas(double sigma_min, double sigma_max, int count);
// The fractional timestep at which the training schedule has this sigma, interpolated in log sigma.
[[nodiscard]] double timestep_of_sigma(double sigma, const std::vector<float>& sigmas);
[[nodiscard]] double interpolate(double t, const std::vector<float>& table);

// numpy's round: half to even.
[[nodiscard]] double round_even(double value);
// numpy.linspace(0, last, count)
[[nodiscard]] std::vector<double> linspace_double(double last, int count);
// numpy.arange(first, 0, -T / N), rounded, less one: the float step is upstream's, and so are its
// lengths.
[[nodiscard]] std::vector<double> trailing(double first, int num_train_timesteps, int steps);
[[nodiscard]] std::vector<double> rounded_reversed(std::vector<double> values);

}  // namespace isocost::sampling

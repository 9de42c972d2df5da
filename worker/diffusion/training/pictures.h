// The world's pictures and captions as tensors, and the order in which training draws them.
//
// Pure; thread: any.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "experiments/world/world.h"

namespace isocost::diffusion {

inline constexpr std::uint64_t kWorldSeed = 0;  // of the pictures that the family is trained on

[[nodiscard]] std::vector<world::Scene> world_scenes(world::Split split, std::uint64_t count,
                                                     std::uint64_t seed = kWorldSeed);
// uint8 [N, 3, 64, 64]
[[nodiscard]] at::Tensor world_pictures(const std::vector<world::Scene>& scenes);
// The same with an object's edge broken in each.
[[nodiscard]] at::Tensor torn_pictures(const std::vector<world::Scene>& scenes);
// Where objects are, rims and shadows included: uint8 [N, 1, 64, 64], 1 there and 0 elsewhere.
[[nodiscard]] at::Tensor object_masks(const std::vector<world::Scene>& scenes);
// int64 [N, attributes]
[[nodiscard]] at::Tensor world_labels(const std::vector<world::Scene>& scenes);

// Every pixel the mean of itself and its eight neighbours, the border repeated. [B, C, H, W], of
// floats.
[[nodiscard]] at::Tensor blurred(const at::Tensor& pictures);
// Bytes spoilt as a bad sampler might: blurred as above, and with noise of this deviation, where
// white is 1.
[[nodiscard]] at::Tensor blurred_bytes(const at::Tensor& bytes);
[[nodiscard]] at::Tensor noisy_bytes(const at::Tensor& bytes, double deviation,
                                     at::Generator generator);

// Bytes to [-1, 1].
[[nodiscard]] at::Tensor to_unit_range(const at::Tensor& bytes);

// Which examples step `step` sees: a pure function of its arguments. int64 [batch], in [0, count).
[[nodiscard]] at::Tensor batch_indices(std::uint64_t seed, std::int64_t step, std::int64_t batch,
                                       std::int64_t count);
// A generator for everything else that step draws.
[[nodiscard]] at::Generator step_generator(std::uint64_t seed, std::int64_t step);

}  // namespace isocost::diffusion

// Noise that depends on (seed, image, draw) alone: not on batch, position, device, worker or order.
//
// Philox4x32-10 (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3") keyed by the
// seed, counted by (image, draw, position), turned into normals by Box-Muller in float64, rounded
// to float32. Scheme name: "philox4x32-10/box-muller". Draw 0 is x_T; draw k + 1 is the sampler's
// k-th draw; from 2^31 on they are the task's, from 3 x 2^30 on those of degradations
// (image/draws.h). Pure, any thread, always on the CPU.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "base/philox.h"

namespace isocost::diffusion {

inline constexpr const char* kNoiseScheme = "philox4x32-10/box-muller";

// Standard normals [images.size(), shape...] in float32 on the CPU; row r belongs to images[r].
[[nodiscard]] at::Tensor keyed_noise(std::uint64_t seed, const std::vector<std::uint64_t>& images,
                                     std::uint32_t draw, at::IntArrayRef shape);

}  // namespace isocost::diffusion

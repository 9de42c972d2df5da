// Random numbers by their place: what draw k of stream s under a seed is never depends on what was
// drawn before.
//
// splitmix64's finaliser over a counter. For resampling, not for pictures. Thread: any.
#pragma once

#include <cstdint>

namespace isocost::diffusion {

[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// Draw `draw` of stream `stream`, uniform in [0, bound); the bias is below bound / 2^64.
[[nodiscard]] constexpr std::uint64_t draw_below(std::uint64_t bound, std::uint64_t seed,
                                                 std::uint64_t stream, std::uint64_t draw) {
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
  const std::uint64_t key = mix64(mix64(seed + kGolden) + (stream + 1) * kGolden);
  const std::uint64_t bits = mix64(key + (draw + 1) * kGolden);
  // The high half of bits x bound, by halves.
  const std::uint64_t low = (bits & 0xFFFFFFFFULL) * bound;
  return ((bits >> 32) * bound + (low >> 32)) >> 32;
}

}  // namespace isocost::diffusion

// Chance for degradations: every number is a function of (seed, item, purpose, position) alone, so
// that an item looks the same whatever else is drawn, when, and where.
//
//   const Draws draws(seed, item);
//   double scale = 0.15 + (1.5 - 0.15) * draws.uniform(kScale);
//   double n = draws.normal(kNoiseField, 3 * pixel + channel);
//
// The generator of the product's noise (base/philox.h), counted as that is: block, draw, item low,
// item high; a purpose is draw kDegradationDraw + its number, which samplers and tasks never take.
// A block has four words, or two Box-Muller pairs. Pure, any thread.
#pragma once

#include <cstdint>

#include "base/philox.h"

namespace isocost::diffusion {

inline constexpr std::uint32_t kDegradationDraw = 3U << 30U;  // in recorded pictures: do not change

class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t item) : key_(philox_key(seed)), item_(item) {}

  // (0, 1), of 2^32 values.
  [[nodiscard]] double uniform(std::uint32_t purpose, std::uint64_t position = 0) const {
    return open_unit(block(purpose, position / 4).at(position % 4));
  }
  [[nodiscard]] double normal(std::uint32_t purpose, std::uint64_t position) const {
    const PhiloxCounter bits = block(purpose, position / 4);
    const std::size_t pair = position % 4 / 2 * 2;
    return normal_pair(bits.at(pair), bits.at(pair + 1)).at(position % 2);
  }

 private:
  [[nodiscard]] PhiloxCounter block(std::uint32_t purpose, std::uint64_t number) const {
    return philox4x32_10(
        {static_cast<std::uint32_t>(number), kDegradationDraw + purpose,
         static_cast<std::uint32_t>(item_), static_cast<std::uint32_t>(item_ >> 32U)},
        key_);
  }

  PhiloxKey key_;
  std::uint64_t item_;
};

}  // namespace isocost::diffusion

// Chance for degradations: every number is a function of (seed, item, purpose, position) alone, so
// that an item looks the same whatever else is drawn, when, and where.
//
//   const Draws draws(seed, item);
//   double scale = between(draws.uniform(kScale), 0.15, 1.5);
//   double n = draws.normal(kNoiseField, 3 * pixel + channel);
//
// The generator of the product's noise (base/philox.h), counted as that is: block, draw, item low,
// item high; a purpose is draw kDegradationDraw + its number, which samplers and tasks never take.
// A block has four words, or two Box-Muller pairs. Pure, any thread.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

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
    const double radius = std::sqrt(-2 * std::log(open_unit(bits.at(pair))));
    const double angle = 2 * std::numbers::pi * open_unit(bits.at(pair + 1));
    return radius * (position % 2 == 0 ? std::cos(angle) : std::sin(angle));
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

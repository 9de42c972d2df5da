// Numbers drawn by counter: the n-th draw under a key is a pure function of both.
//
// The 64-bit finaliser of SplitMix (Steele, Lea, Flood 2014) over key and counter. For sources of
// the world and of training alone. Any thread; copies draw on independently.
#pragma once

#include <cstdint>

namespace isocost::world {

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

class Chance {
 public:
  explicit constexpr Chance(std::uint64_t key) : key_(mix(key)) {}
  constexpr Chance(std::uint64_t key, std::uint64_t stream) : key_(mix(mix(key) ^ stream)) {}

  [[nodiscard]] constexpr std::uint64_t bits() { return mix(key_ ^ mix(counter_++)); }
  // [0, n), biased by less than n / 2^32. Requires: n > 0.
  [[nodiscard]] constexpr std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(((bits() >> 32U) * n) >> 32U);
  }
  [[nodiscard]] constexpr double uniform() {
    return static_cast<double>(bits() >> 11U) * 0x1.0p-53;
  }
  [[nodiscard]] constexpr double between(double low, double high) {
    return low + (high - low) * uniform();
  }

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace isocost::world

#include "base/philox.h"

#include <gtest/gtest.h>

namespace isocost {
namespace {

TEST(Philox, AgreesWithThePublishedAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32_10({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The smallest word has a logarithm, and words half a turn apart point the other way.
TEST(Philox, PairsOfWordsBecomeNormals) {
  constexpr double kLargest = 6.763705635001895;  // sqrt(-2 ln(2^-33))
  const auto far = normal_pair(0, 0);
  EXPECT_NEAR(far[0], kLargest, 1e-9);
  EXPECT_NEAR(far[1], 0, 1e-8);

  const auto one = normal_pair(1U << 31U, 1U << 20U);
  const auto other = normal_pair(1U << 31U, (1U << 20U) + (1U << 31U));
  EXPECT_NEAR(std::hypot(one[0], one[1]), std::sqrt(-2 * std::log(0.5)), 1e-9);
  EXPECT_NEAR(one[0], -other[0], 1e-12);
  EXPECT_NEAR(one[1], -other[1], 1e-12);
}

}  // namespace
}  // namespace isocost

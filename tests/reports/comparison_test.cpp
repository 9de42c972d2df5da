#include "reports/model/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace isocost::report {
namespace {

Score score_with(double value, double half) {
  Score score;
  score.value = value;
  score.low = value - half;
  score.high = value + half;
  score.n = 512;
  return score;
}

// Two settings whose replicates share a common part of deviation `common` and have one of their
// own.
std::pair<Score, Score> drawn(double gap, double common, double own, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  Score a = score_with(50 + gap, 2 * common), b = score_with(50, 2 * common);
  for (int r = 0; r < 400; ++r) {
    const double shared = common * normal(generator);
    a.deviations.push_back(static_cast<float>(shared + own * normal(generator)));
    b.deviations.push_back(static_cast<float>(shared + own * normal(generator)));
  }
  return {a, b};
}

TEST(Difference, OfPairedReplicatesHoldsOnlyWhatTheyDoNotShare) {
  const auto [a, b] = drawn(2, 10, 0.5, 1);

  const auto gap = difference(a, b);

  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->value, 2);
  // Two parts of 0.5 each: 1.96 x 0.5 x sqrt(2) on either side, up to the noise of 400 draws.
  EXPECT_NEAR(gap->low, 2 - 1.386, 0.25);
  EXPECT_NEAR(gap->high, 2 + 1.386, 0.25);
}

TEST(Difference, IsTheSameTheOtherWayRoundButForItsSign) {
  const auto [a, b] = drawn(2, 10, 0.5, 2);

  const auto forth = difference(a, b), back = difference(b, a);

  EXPECT_EQ(forth->value, -back->value);
  EXPECT_NEAR(forth->low, -back->high, 1e-12);
  EXPECT_NEAR(forth->high, -back->low, 1e-12);
}

TEST(Difference, IsTakenInterpolatedFromTheSortedReplicates) {
  Score a = score_with(3, 1), b = score_with(1, 1);
  for (int r = 40; r >= 0; --r) a.deviations.push_back(static_cast<float>(r - 20));
  b.deviations.assign(41, 0);

  const auto gap = difference(a, b);

  // The places 0.025 x 40 = 1 and 39 of -20 ... 20.
  EXPECT_EQ(gap->low, 2 - 19);
  EXPECT_EQ(gap->high, 2 + 19);
}

// With Student's t of as many degrees as groups less one.
TEST(Difference, OfAJackknifeIsItsStandardError) {
  for (const auto& [groups, quantile] : {std::pair{20, 2.093024}, {8, 2.364624}}) {
    Score a = score_with(3, 1), b = score_with(1, 1);
    a.is_jackknife = b.is_jackknife = true;
    for (int k = 0; k < groups; ++k) {
      a.deviations.push_back(k % 2 == 0 ? 0.1F : -0.1F);
      b.deviations.push_back(k % 2 == 0 ? -0.1F : 0.1F);
    }

    const auto gap = difference(a, b);

    EXPECT_NEAR(gap->high - gap->value, quantile * std::sqrt(0.04 * (groups - 1)), 1e-6);
    EXPECT_NEAR(gap->value - gap->low, gap->high - gap->value, 1e-12);
  }
}

TEST(Difference, WithoutReplicatesTakesTheScoresAsIndependent) {
  const Score a = score_with(10, 3), b = score_with(4, 4);

  const auto gap = difference(a, b);

  ASSERT_TRUE(gap);
  EXPECT_DOUBLE_EQ(gap->low, 6 - 5);
  EXPECT_DOUBLE_EQ(gap->high, 6 + 5);
}

TEST(Difference, PairsOnlyWhatWasDrawnInOneWay) {
  auto [a, b] = drawn(2, 10, 0.5, 3);
  // The common part is gone from the difference of pairs alone.
  const auto is_paired = [&] {
    const auto gap = difference(a, b);
    return gap->high - gap->low < 10;
  };
  ASSERT_TRUE(is_paired());

  b.n = 1024;
  EXPECT_FALSE(is_paired());
  b.n = 512;
  b.is_jackknife = true;
  EXPECT_FALSE(is_paired());
  b.is_jackknife = false;
  b.deviations.pop_back();
  EXPECT_FALSE(is_paired());
}

TEST(Difference, NeedsValuesAndIntervals) {
  Score a = score_with(10, 3), b = score_with(4, 4);
  b.low.reset();
  EXPECT_FALSE(difference(a, b));
  b = score_with(4, 4);
  a.value.reset();
  EXPECT_FALSE(difference(a, b));
}

}  // namespace
}  // namespace isocost::report

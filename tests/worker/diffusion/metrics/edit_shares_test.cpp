// attribute_change and attribute_keep: means of shares that some images do not have.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

using ::testing::HasSubstr;

TEST(EditShares, AreMeansOfTheImagesThatHaveWhatTheyAreAbout) {
  const double nan = std::nan("");
  const at::Tensor rows =
      at::tensor({1.0, 0.5, 0.0, 1.0, nan, 0.75, 1.0, nan}, at::kDouble).view({4, 2});

  const Json changed = score("attribute_change", {.rows = rows}).value();
  const Json kept = score("attribute_keep", {.rows = rows}).value();

  EXPECT_DOUBLE_EQ(changed["value"].get<double>(), 2.0 / 3);
  EXPECT_EQ(changed["n"], 3);
  EXPECT_DOUBLE_EQ(kept["value"].get<double>(), 0.75);
  EXPECT_LE(changed["high"].get<double>(), 1.0);
  EXPECT_THAT(score("attribute_change", {.rows = at::full({4, 2}, nan)}).error().message(),
              HasSubstr("of 4 edits 0 have an attribute that it is about"));
}

TEST(EditShares, HaveAnIntervalWithAWidthWhenAllAgree) {
  const at::Tensor rows = at::cat({at::ones({100, 1}), at::full({100, 1}, 0.5)}, 1);

  const Json changed = score("attribute_change", {.rows = rows}).value();
  const Json kept = score("attribute_keep", {.rows = rows}).value();

  EXPECT_EQ(changed["interval"]["method"], "wilson");
  EXPECT_NEAR(changed["low"].get<double>(), 0.9630, 1e-4);  // 100 of 100
  EXPECT_EQ(changed["high"], 1);
  EXPECT_NEAR(kept["low"].get<double>(), 0.4038, 1e-4);
  EXPECT_NEAR(kept["high"].get<double>(), 0.5962, 1e-4);
}

// Group g is images g, g + 20, ..., whatever images between them have no share.
TEST(EditShares, AreLeftOutByTheNumberOfTheirImage) {
  at::Tensor shares = 0.5 + 0.4 * at::sin(1.7 * at::arange(140, at::kDouble)).unsqueeze(1);
  for (const std::int64_t none : {0, 1, 7, 41, 90, 91}) shares[none] = std::nan("");
  for (std::int64_t i = 12; i < 140; i += 20) shares[i] = std::nan("");  // a whole group
  const auto mean_without = [&](std::int64_t group) {
    double sum = 0, count = 0;
    for (std::int64_t i = 0; i < 140; ++i) {
      const double share = shares[i].item<double>();
      if (i % 20 == group || std::isnan(share)) continue;
      sum += share;
      ++count;
    }
    return sum / count;
  };
  std::vector<double> left_out;
  for (std::int64_t g = 0; g < 20; ++g) left_out.push_back(mean_without(g));
  const double middle = std::accumulate(left_out.begin(), left_out.end(), 0.0) / 20;

  const Json values = score("attribute_change", {.rows = at::cat({shares, shares}, 1)}).value();

  EXPECT_EQ(values["n"], 127);
  EXPECT_NEAR(values["value"].get<double>(), mean_without(-1), 1e-12);
  const auto deviations = values["interval"]["deviations"].get<std::vector<double>>();
  ASSERT_EQ(deviations.size(), 20U);
  for (std::size_t g = 0; g < 20; ++g) EXPECT_NEAR(deviations[g], left_out[g] - middle, 1e-12) << g;
}

// A jackknife of three groups would tell nothing.
TEST(EditShares, OfFewGroupsHaveTheIntervalOfTheStandardError) {
  at::Tensor rows = at::full({600, 2}, std::nan(""), at::kDouble);
  for (std::int64_t i = 0; i < 600; ++i)
    if (i % 20 < 3) rows[i].fill_(i % 2 == 0 ? 1.0 : 0.0);

  const Json values = score("attribute_keep", {.rows = rows}).value();

  EXPECT_EQ(values["n"], 90);
  EXPECT_EQ(values["interval"]["method"], "normal");
}

}  // namespace
}  // namespace isocost::diffusion

#include "base/io/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace isocost::io {
namespace {

using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string said_of(const std::vector<double>& mean, const std::vector<double>& covariance) {
  const auto good = check_statistics(mean, covariance, "a.npz");
  return good ? "no fault" : good.error().message();
}

// Of `count` rows of `d` features drawn at random.
std::vector<double> covariance_of(std::size_t d, std::size_t count) {
  std::mt19937_64 random(d * 1000 + count);
  std::normal_distribution<double> normal;
  std::vector<double> covariance(d * d);
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<double> row(d);
    for (double& value : row) value = normal(random);
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j)
        covariance[i * d + j] += row[i] * row[j] / static_cast<double>(count);
  }
  return covariance;
}

TEST(Statistics, ReadsWhatTheFieldPublishes) {
  const std::filesystem::path folder = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";
  const auto read = read_statistics(folder / "npz/stored.npz");

  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->dimensions(), 16);
  EXPECT_EQ(read->covariance.size(), 256U);
}

TEST(Statistics, TakesCovariancesOfFewRowsAndOfSinglePrecision) {
  std::vector<double> few = covariance_of(40, 7);  // of rank 7
  EXPECT_EQ(said_of(std::vector<double>(40), few), "no fault");
  for (double& value : few) value = static_cast<double>(static_cast<float>(value));
  EXPECT_EQ(said_of(std::vector<double>(40), few), "no fault");
  EXPECT_EQ(said_of(std::vector<double>(67), covariance_of(67, 500)), "no fault");
  EXPECT_EQ(said_of({1, 2}, {0, 0, 0, 0}), "no fault");
}

TEST(Statistics, RefusesWhatIsNoCovariance) {
  EXPECT_EQ(said_of({}, {}), "a.npz: the statistics are of no features");
  EXPECT_THAT(said_of({0, 0}, {1, .5, 0, 1}),
              HasSubstr("a.npz: sigma: it is no covariance: not sym"));
  EXPECT_THAT(said_of({0, 0}, {1, 0, 0, -1}), HasSubstr("it has a negative variance"));
  EXPECT_THAT(said_of({0, 0}, {1, 2, 2, 1}), HasSubstr("it has a negative direction"));
  EXPECT_THAT(said_of({0, 0}, {0, 1, 1, 0}), HasSubstr("it has a negative direction"));
}

TEST(Statistics, RefusesValuesThatNoDistanceCanBeMadeOf) {
  const std::string message = said_of({kNan, 0}, {1e200, 0, 0, 1});
  EXPECT_THAT(message, HasSubstr("a.npz: mu: its values are not finite"));
  EXPECT_THAT(message,
              HasSubstr("a.npz: sigma: its values are too large; expected none beyond 1e75"));
}

}  // namespace
}  // namespace isocost::io

#include "base/io/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/io/atomic_file.h"

namespace isocost::io {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kArchives =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/npz";

TEST(Npz, ReadsStoredAndDeflatedStatisticsAlike) {
  const auto stored = read_npz(kArchives / "stored.npz", {"mu", "sigma"});
  const auto deflated = read_npz(kArchives / "deflated.npz", {"mu", "sigma"});

  ASSERT_TRUE(stored) << stored.error().message();
  ASSERT_TRUE(deflated) << deflated.error().message();
  EXPECT_EQ(stored->at("sigma").shape, (std::vector<std::int64_t>{16, 16}));
  EXPECT_EQ(stored->at("mu").values, deflated->at("mu").values);
  EXPECT_EQ(stored->at("sigma").values, deflated->at("sigma").values);
}

TEST(Npz, HoldsTheMeanOfTheClosedFormRows) {
  const auto statistics = read_npz(kArchives / "stored.npz", {"mu"});
  ASSERT_TRUE(statistics);

  for (int j = 0; j < 16; ++j) {
    double sum = 0;
    for (int i = 0; i < 200; ++i)
      sum += std::sin(.7 * i + 1.9 * j + .05 * i * j) + .3 * std::cos(1.3 * i * j + .2 * i);
    EXPECT_NEAR(statistics->at("mu").values[static_cast<std::size_t>(j)], sum / 200, 1e-12);
  }
}

TEST(Npz, WidensFloatsAndTurnsFortranOrder) {
  const auto narrow = read_npz(kArchives / "float32.npz", {"mu"});
  const auto fortran = read_npz(kArchives / "fortran.npz", {"sigma"});

  ASSERT_TRUE(narrow) << narrow.error().message();
  EXPECT_NEAR(narrow->at("mu").values[3],
              read_npz(kArchives / "stored.npz", {"mu"})->at("mu").values[3], 1e-7);
  ASSERT_TRUE(fortran) << fortran.error().message();
  EXPECT_EQ(fortran->at("sigma").values, (std::vector<double>{0, 1, 2, 3, 4, 5}));
}

TEST(Npz, RefusesObjectsTextsAndWhatIsNotThere) {
  const std::string message =
      read_npz(kArchives / "objects.npz", {"mu", "sigma", "n"}).error().message();

  EXPECT_THAT(message, HasSubstr("mu: its elements are '|O'"));
  EXPECT_THAT(message, HasSubstr("sigma: its elements are '<U1'"));
  EXPECT_THAT(message, HasSubstr("n: the array is missing"));
  EXPECT_THAT(parse_npz("PK", "a.npz", {"mu"}).error().message(),
              HasSubstr("a.npz: this is no zip file"));
}

TEST(Npz, RefusesTruncationsAndNoticesDamage) {
  const std::string bytes = read_file(kArchives / "deflated.npz").value();
  const auto whole = parse_npz(bytes, "a.npz", {"mu"}).value();

  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(parse_npz(std::string_view(bytes).substr(0, n), "a.npz", {"mu"})) << n;
  }
  std::mt19937_64 chance(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes;
    damaged[chance() % damaged.size()] ^= static_cast<char>(1 + chance() % 255);
    const auto arrays = parse_npz(damaged, "a.npz", {"mu"});
    if (arrays) {
      EXPECT_EQ(arrays->at("mu").values, whole.at("mu").values);
    }
  }
}

}  // namespace
}  // namespace isocost::io

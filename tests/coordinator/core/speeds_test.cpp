#include "coordinator/core/speeds.h"

#include <gtest/gtest.h>

namespace isocost::core {
namespace {

constexpr auto kGenerate = UnitKind::kGenerate;

TEST(Speeds, KnowNothingAtFirst) {
  const Speeds speeds;

  EXPECT_EQ(speeds.seconds({kGenerate, "large", 100}), std::nullopt);
  EXPECT_EQ(speeds.gflops_per_second(), std::nullopt);
  EXPECT_DOUBLE_EQ(speeds.seconds({kGenerate, "large", 100}, 50), 2);
}

// Small networks reach less of a machine.
TEST(Speeds, TakeANetworkAtItsOwnSpeedAndOthersAtThatOfAll) {
  Speeds speeds;
  speeds.observe({kGenerate, "large", 900}, 10);
  speeds.observe({kGenerate, "small", 100}, 10);

  EXPECT_DOUBLE_EQ(*speeds.gflops_per_second(), 50);
  EXPECT_DOUBLE_EQ(*speeds.seconds({kGenerate, "large", 900}), 10);
  EXPECT_DOUBLE_EQ(*speeds.seconds({kGenerate, "small", 900}), 90);
  EXPECT_DOUBLE_EQ(*speeds.seconds({kGenerate, "new", 100}), 2);
  EXPECT_DOUBLE_EQ(speeds.seconds({kGenerate, "large", 900}, 1e9), 10);
}

// Their price is nominal: how many there are counts.
// Pictures that no network draws cost next to nothing, and say nothing of how fast networks are.
TEST(Speeds, TakeNoNetworksSpeedFromBaselines) {
  Speeds speeds;
  speeds.observe({UnitKind::kGenerate, "a", 1000}, 10);
  speeds.observe({UnitKind::kGenerate, "", 1, 4}, 20);

  EXPECT_DOUBLE_EQ(speeds.gflops_per_second().value(), 100);
  EXPECT_DOUBLE_EQ(speeds.seconds({UnitKind::kGenerate, "b", 500}).value(), 5);
  EXPECT_DOUBLE_EQ(speeds.seconds({UnitKind::kGenerate, "", 1, 2}).value(), 10);
}

TEST(Speeds, TakeUnitsWithoutANetworkByTheirNumber) {
  Speeds speeds;
  speeds.observe({UnitKind::kScore, "", 2, 2}, 6);
  EXPECT_EQ(speeds.gflops_per_second(), std::nullopt);

  EXPECT_DOUBLE_EQ(*speeds.seconds({UnitKind::kScore, "", 1000, 10}), 30);
  EXPECT_EQ(speeds.seconds({UnitKind::kReference, "", 1000}), std::nullopt);
  speeds.observe({kGenerate, "large", 100}, 1);
  EXPECT_DOUBLE_EQ(*speeds.seconds({UnitKind::kReference, "", 1000}), 10);
}

}  // namespace
}  // namespace isocost::core

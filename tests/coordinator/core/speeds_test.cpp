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

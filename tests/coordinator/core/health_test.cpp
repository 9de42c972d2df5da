#include "coordinator/core/health.h"

#include <gtest/gtest.h>

namespace isocost::core {
namespace {

using namespace std::chrono_literals;

class HealthTest : public ::testing::Test {
 protected:
  bool fail(std::int64_t unit, bool may_rest = true) {
    const bool is_quarantined = health.failed(
        {.worker = "w", .unit = UnitId{unit}, .reason = "bug: wrong", .may_rest = may_rest}, now);
    health.check_invariants();
    return is_quarantined;
  }
  [[nodiscard]] bool may_begin(bool holds_units = false) const {
    return health.may_begin("w", holds_units, now);
  }

  Health health{{}};
  Instant now{1000s};
};

TEST_F(HealthTest, RestsAfterThreeDifferentUnitsInARow) {
  for (int attempt = 0; attempt < 10; ++attempt) fail(1);
  fail(2);
  EXPECT_TRUE(may_begin(true));

  fail(3);

  EXPECT_FALSE(may_begin());
  now += 1s;
  EXPECT_TRUE(may_begin());
  EXPECT_FALSE(may_begin(true));  // one unit to show itself
}

TEST_F(HealthTest, RestsLongerEachTimeUpToAMost) {
  for (int unit = 1; unit <= 3; ++unit) fail(unit);
  for (const Duration rest :
       {Duration(1s), Duration(2s), Duration(4s), Duration(8s), Duration(10s), Duration(10s)}) {
    now += rest - 1ms;
    EXPECT_FALSE(may_begin());
    now += 1ms;
    EXPECT_TRUE(may_begin());
    fail(4);
  }
}

TEST_F(HealthTest, IsWellAfterOneSuccess) {
  for (int unit = 1; unit <= 3; ++unit) fail(unit);

  EXPECT_FALSE(health.succeeded("w"));

  EXPECT_TRUE(may_begin(true));
  EXPECT_TRUE(health.is_spotless("w"));
  fail(4);
  EXPECT_TRUE(may_begin(true));
}

TEST_F(HealthTest, IsInQuarantineWhenAnotherSucceedsWhereItFailed) {
  for (int unit = 1; unit <= 3; ++unit) fail(unit);

  EXPECT_TRUE(health.refuted("w", now));

  EXPECT_TRUE(health.is_quarantined("w"));
  EXPECT_FALSE(health.refuted("w", now));  // once
  now += 29s;
  EXPECT_FALSE(may_begin());
  now += 1s;
  EXPECT_TRUE(may_begin());
  fail(4);
  now += 59s;
  EXPECT_FALSE(may_begin());
  now += 1s;
  EXPECT_TRUE(may_begin());
  EXPECT_TRUE(health.succeeded("w"));
}

TEST_F(HealthTest, IsInQuarantineAtTheThirdUnitWhenAnEarlierOneWasRefuted) {
  fail(1);
  EXPECT_FALSE(health.refuted("w", now));
  EXPECT_FALSE(fail(2));

  EXPECT_TRUE(fail(3));
}

TEST_F(HealthTest, DoesNotRestForWhatCannotBeHelped) {
  for (int unit = 1; unit <= 5; ++unit) fail(unit, false);

  EXPECT_TRUE(may_begin(true));
  EXPECT_TRUE(health.refuted("w", now));  // but others could
  EXPECT_FALSE(may_begin());
}

TEST_F(HealthTest, DoubtsWhoNeverSucceededOrFailsDifferentUnits) {
  EXPECT_TRUE(health.is_doubtful("w"));
  health.succeeded("w");
  EXPECT_FALSE(health.is_doubtful("w"));
  fail(1);
  EXPECT_FALSE(health.is_doubtful("w"));
  fail(2);
  EXPECT_TRUE(health.is_doubtful("w"));
}

TEST_F(HealthTest, TellsThatARestEnded) {
  for (int unit = 1; unit <= 3; ++unit) fail(unit);

  EXPECT_FALSE(health.has_rested(now, now + 999ms));
  EXPECT_TRUE(health.has_rested(now, now + 1s));
  EXPECT_FALSE(health.has_rested(now + 1s, now + 2s));
}

}  // namespace
}  // namespace isocost::core

// Units that never end.
#include <gtest/gtest.h>

#include "tests/coordinator/core/failures_fixture.h"

namespace isocost::core {
namespace {

class StallTest : public FailuresTest {
 protected:
  StallTest() {
    attach("w1");
    attach("w2");
    for (int unit = 0; unit < 2; ++unit) {  // both devices have a pace: two seconds
      const auto first = want("w1").at(0);
      coordinator.pass(2s);
      finish("w1", first);
    }
  }
  void speak(Duration time, const std::vector<wire::Running>& running) {
    for (const Instant end = coordinator.now + time; coordinator.now < end;) {
      coordinator.pass(2s);
      beat("w1", running);
      beat("w2");
    }
  }
};

TEST_F(StallTest, TakesAUnitElsewhereThatTakesFarLongerThanItShould) {
  const auto lease = want("w1").at(0);
  coordinator.hand(Want{{"s-w2"}, {.credit = 0}});
  want("w2", 1);
  speak(9min, {{lease.name, lease.attempt, 0.5}});
  EXPECT_EQ(row(lease).attempts, 0);

  speak(2min, {{lease.name, lease.attempt, 0.5}});

  EXPECT_EQ(row(lease).attempts, 1);
  EXPECT_EQ(row(lease).failure->failure_class, FailureClass::kStalled);
  EXPECT_EQ(view("w1").stalled, lease.name);
  EXPECT_TRUE(want("w1", 2).empty());  // it has no hand free
  EXPECT_EQ(want("w2", 8).size() + view("w2").running.size() > 0, true);
  EXPECT_EQ(coordinator.verdict(finish("w1", lease)), wire::Verdict::kAccepted);
}

TEST_F(StallTest, LeavesItWhereItIsWhenThereIsNoElsewhere) {
  coordinator.hand(WorkerLeft{{"s-w2"}});
  const auto lease = want("w1").at(0);

  for (int minute = 0; minute < 60; ++minute) {
    for (int beat_number = 0; beat_number < 30; ++beat_number) {
      coordinator.pass(2s);
      beat("w1", {{lease.name, lease.attempt, 0.25}});
    }
  }

  EXPECT_EQ(row(lease).attempts, 0);
  EXPECT_GT(view("w1").no_progress_seconds, 3000);  // but it is seen
}

TEST_F(StallTest, ShowsNoWorkerThatComesFurther) {
  const auto lease = want("w1").at(0);

  for (int minute = 1; minute <= 9; ++minute)
    speak(1min, {{lease.name, lease.attempt, minute / 10.0}});

  EXPECT_EQ(view("w1").no_progress_seconds, 0);
}

TEST_F(StallTest, GivesAWorkerUnitsAgainWhenItLetGo) {
  want("w2", 1);
  const auto lease = want("w1").at(0);
  speak(11min, {{lease.name, lease.attempt, 0.5}});
  ASSERT_EQ(view("w1").stalled, lease.name);

  beat("w1");  // it does not run it any more

  EXPECT_EQ(view("w1").stalled, "");
  EXPECT_FALSE(want("w1").empty());
}

TEST_F(StallTest, FreesWhatWaitsBehindIt) {
  want("w2", 1);
  const auto leases = want("w1", 2);
  ASSERT_EQ(leases.size(), 2U);
  const std::vector<wire::Running> running{{leases[0].name, leases[0].attempt, 0.5},
                                           {leases[1].name, leases[1].attempt, 0.0}};
  speak(11min, running);

  EXPECT_TRUE(view("w1").running.empty());
  EXPECT_EQ(row(leases[1]).attempts, 0);
}

}  // namespace
}  // namespace isocost::core

// Whose fault failures are: the next attempt elsewhere, workers that rest or are in quarantine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/core/failures_fixture.h"

namespace isocost::core {
namespace {

using ::testing::HasSubstr;

TEST_F(FailuresTest, MakesTheNextAttemptElsewhere) {
  attach("w1");
  const auto lease = want("w1").at(0);
  attach("w2");
  want("w2", 1);  // so that it takes part
  fail("w1", lease);

  for (const SendLease& next : want("w1", 7)) EXPECT_NE(next.unit, lease.unit);
  const auto elsewhere = want("w2", 1);

  ASSERT_EQ(elsewhere.size(), 1U);
  EXPECT_EQ(elsewhere[0].unit, lease.unit);  // and before what nobody tried
}

TEST_F(FailuresTest, MakesItOnTheSameWorkerWhereThereIsNoElsewhere) {
  attach("w1");
  const auto lease = want("w1").at(0);

  const auto next = Coordinator::leases(fail("w1", lease));
  const auto again = next.empty() ? want("w1") : next;

  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].unit, lease.unit);
}

TEST_F(FailuresTest, AWorkerWithoutTheInputsIsNoElsewhere) {
  attach("w1");
  coordinator.hello("s-poor", "poor", {testing::input_of("something else")});
  coordinator.want("s-poor", 1);
  const auto lease = want("w1").at(0);
  fail("w1", lease);

  EXPECT_EQ(want("w1").at(0).unit, lease.unit);
}

TEST_F(FailuresTest, GoesBackToTheFirstWhenTheOthersAreGone) {
  attach("w1");
  attach("w2");
  const auto lease = want("w1").at(0);
  want("w2", 1);
  fail("w1", lease);
  coordinator.hand(WorkerLeft{{"s-w2"}});

  EXPECT_EQ(want("w1").at(0).unit, lease.unit);
}

TEST_F(FailuresTest, RemembersAfterARestartWhoFailedIt) {
  attach("w1");
  const auto lease = want("w1").at(0);
  fail("w1", lease);

  coordinator.start();
  attach("w1");
  attach("w2");
  coordinator.hand(Want{{"s-w2"}, {.credit = 1}});

  for (const SendLease& next : want("w1", 8)) EXPECT_NE(next.unit, lease.unit);
}

// It failed all that it got; whoever was there before the restart may be back in a moment.
TEST_F(FailuresTest, WaitsAfterARestartForWhoWasThereBefore) {
  attach("w1");
  attach("w2");
  coordinator.start();
  attach("w1");
  const auto lease = want("w1").at(0);
  fail("w1", lease, FailureClass::kBadInput);

  EXPECT_EQ(row(lease).state, UnitState::kOpen);
  for (const SendLease& next : want("w1", 7)) EXPECT_NE(next.unit, lease.unit);
  pass(121s, {"w1"});
  const auto held = view("w1").running;
  const auto again = std::find_if(held.begin(), held.end(), [&](const RunningView& each) {
    return each.run.unit == lease.name;
  });
  ASSERT_EQ(again, held.end());  // its hands are full
  const auto next = want("w1", 1);
  ASSERT_EQ(next.size(), 1U);
  fail("w1", next[0], FailureClass::kBadInput);
  EXPECT_EQ(row(lease).state, UnitState::kFailed);
}

// Likewise for one that did something well and was lost a moment ago.
TEST_F(FailuresTest, WaitsForALostWorkerThatDidWell) {
  attach("well");
  finish("well", want("well").at(0));
  attach("sick");
  const auto lease = want("sick").at(0);
  for (int second = 0; second < 20; second += 2) {  // the other one is silent
    coordinator.pass(2s);
    beat("sick", {{lease.name, lease.attempt, 0.5}});
  }
  fail("sick", lease, FailureClass::kBadInput);

  EXPECT_EQ(row(lease).state, UnitState::kOpen);
  attach("well");
  const auto next = want("well").at(0);
  EXPECT_EQ(next.unit, lease.unit);
}

// What is wrong with the input of one machine is right on another.
TEST_F(FailuresTest, AsksASecondWorkerBeforeItBelievesThatInputIsBad) {
  attach("w1");
  attach("w2");
  const auto lease = want("w1").at(0);
  const auto other = want("w2").at(0);
  fail("w1", lease, FailureClass::kBadInput);
  EXPECT_EQ(row(lease).state, UnitState::kOpen);
  finish("w2", other);

  const auto second = want("w2").at(0);
  ASSERT_EQ(second.unit, lease.unit);
  finish("w2", second);

  EXPECT_EQ(row(lease).state, UnitState::kDone);
}

TEST_F(FailuresTest, BelievesItWhenAllSaySo) {
  attach("w1");
  attach("w2");
  const auto lease = want("w1").at(0);
  finish("w2", want("w2").at(0));
  fail("w1", lease, FailureClass::kNotFinite);

  const auto second = want("w2").at(0);
  ASSERT_EQ(second.unit, lease.unit);
  fail("w2", second, FailureClass::kNotFinite);

  EXPECT_EQ(row(lease).state, UnitState::kFailed);
  EXPECT_EQ(row(lease).attempts, 2);
}

TEST_F(FailuresTest, PutsAWorkerThatFailsWhereOthersSucceedInQuarantine) {
  attach("sick");
  attach("well");
  std::vector<SendLease> failed;
  for (int unit = 0; unit < 3; ++unit) {
    want("well");  // takes part
    failed.push_back(want("sick").at(0));
    fail("sick", failed.back());
  }
  EXPECT_FALSE(view("sick").is_quarantined);
  EXPECT_TRUE(want("sick").empty());  // it rests

  const auto retried = want("well", 3);
  finish("well", retried.at(0));

  EXPECT_TRUE(view("sick").is_quarantined);
  EXPECT_EQ(view("sick").last_failure, "bug: it went wrong");
  EXPECT_THAT(last_note(), HasSubstr("it fails where others succeed (bug: it went"));
  for (const SendLease& lease : failed) {
    if (row(lease).state == UnitState::kDone) continue;
    EXPECT_EQ(row(lease).attempts, 0);  // no unit's fault
  }
  pass(29s, {"sick", "well"});
  EXPECT_TRUE(want("sick").empty());
}

TEST_F(FailuresTest, TriesAWorkerInQuarantineAgainAndBelievesOneSuccess) {
  attach("sick");
  attach("well");
  for (int unit = 0; unit < 3; ++unit) {
    want("well");
    fail("sick", want("sick").at(0));
  }
  finish("well", want("well", 1).at(0));
  ASSERT_TRUE(view("sick").is_quarantined);
  pass(31s, {"sick", "well"});

  const auto probe = want("sick", 2);
  ASSERT_EQ(probe.size(), 1U);  // one to show itself, whatever its credit
  fail("sick", probe[0]);
  EXPECT_EQ(row(probe[0]).attempts, 0);
  pass(59s, {"sick", "well"});
  EXPECT_TRUE(view("sick").running.empty());
  pass(2s, {"sick", "well"});
  ASSERT_EQ(view("sick").running.size(), 1U);
  const wire::Running run = view("sick").running[0].run;
  finish("sick", SendLease{{"s-sick"}, {}, run.unit, UnitKind::kGenerate, run.attempt});

  EXPECT_FALSE(view("sick").is_quarantined);
  ASSERT_FALSE(coordinator.events.empty());
  EXPECT_EQ(coordinator.events.back().kind, "well_again");
  EXPECT_EQ(coordinator.events.back().who, "sick");
  EXPECT_FALSE(want("sick", 2).empty());
}

// The tick gives it its unit: a worker that rests asks for nothing new.
TEST_F(FailuresTest, LeasesByItselfWhenARestIsOver) {
  attach("w1");
  for (int attempt = 0; attempt < 12 && view("w1").rests_seconds <= 0; ++attempt)
    fail("w1", want("w1").at(0));
  ASSERT_GT(view("w1").rests_seconds, 0);
  EXPECT_TRUE(want("w1").empty());

  std::size_t leases = 0;
  for (int tick = 0; tick < 4; ++tick) {
    coordinator.now += 500ms;
    leases += Coordinator::leases(coordinator.hand(Tick{})).size();
  }

  EXPECT_EQ(leases, 1U);
}

// Forty-two units failed in seven seconds once.
TEST_F(FailuresTest, AloneAWorkerFailsSlowlyAndSaysWhy) {
  attach("w1");
  want("w1");
  for (int tick = 0; tick < 20; ++tick) {
    for (const RunningView& held : view("w1").running)
      fail("w1", SendLease{{"s-w1"}, {}, held.run.unit, UnitKind::kGenerate, held.run.attempt});
    want("w1");
    coordinator.now += 250ms;
    coordinator.hand(Tick{});
  }

  EXPECT_LE(coordinator.count(UnitState::kFailed), 4U);  // three, and their score
  EXPECT_FALSE(view("w1").is_quarantined);
  EXPECT_THAT(last_note(),
              HasSubstr("failed since its last success (bug: it went wrong); it rests"));
}

// A person must mend the input first, so nothing is won by waiting.
TEST_F(FailuresTest, AloneAWorkerTellsAtOnceThatAllInputIsBad) {
  attach("w1");
  for (int unit = 0; unit < 8; ++unit) {
    const auto leases = want("w1");
    ASSERT_EQ(leases.size(), 1U) << unit;
    fail("w1", leases[0], FailureClass::kBadInput);
  }

  EXPECT_EQ(coordinator.count(UnitState::kFailed), 9U);
}

// Three sick workers and one that takes its time: nothing is given up before it had its say.
TEST_F(FailuresTest, BelievesTheOneThatSucceedsMoreThanThreeThatNeverDid) {
  attach("well");
  const auto slow = want("well").at(0);
  for (const char* worker : {"a", "b", "c"}) attach(worker);
  for (int round = 0; round < 3; ++round)
    for (const char* worker : {"a", "b", "c"}) {
      const auto leases = want(worker);
      if (!leases.empty()) fail(worker, leases[0]);
    }
  EXPECT_EQ(coordinator.count(UnitState::kFailed), 0U);

  finish("well", slow);
  for (auto leases = want("well"); !leases.empty(); leases = want("well"))
    finish("well", leases[0]);

  EXPECT_TRUE(coordinator.core->is_finished());
  for (const char* worker : {"a", "b", "c"}) EXPECT_TRUE(view(worker).is_quarantined) << worker;
}

// Nobody else was there when they failed it.
TEST_F(FailuresTest, TakesUpAgainWhatSickWorkersFailed) {
  for (const char* worker : {"a", "b"}) attach(worker);
  std::size_t failed = 0;
  for (int step = 0; step < 100 && failed == 0; ++step)
    for (const char* worker : {"a", "b"}) {
      const auto leases = want(worker);
      if (!leases.empty()) fail(worker, leases[0]);
      failed = coordinator.count(UnitState::kFailed);
      pass(1s, {"a", "b"});
    }
  ASSERT_GE(failed, 2U);  // a unit, and the score
  attach("well");
  for (int step = 0; step < 100 && !coordinator.core->is_finished(); ++step) {
    for (const char* worker : {"a", "b"}) {
      for (const RunningView& held : view(worker).running)
        fail(worker, SendLease{{}, {}, held.run.unit, UnitKind::kGenerate, held.run.attempt});
      want(worker);
    }
    const auto leases = want("well");
    if (!leases.empty()) finish("well", leases[0]);
    pass(1s, {"a", "b", "well"});
  }

  EXPECT_TRUE(coordinator.core->is_finished());
  EXPECT_EQ(coordinator.count(UnitState::kFailed), 0U);
}

TEST_F(FailuresTest, DoesNotBlameAWorkerForOneUnitThatFailsEverywhere) {
  attach("w1");
  attach("w2");
  const auto lease = want("w1").at(0);
  want("w2");
  fail("w1", lease);
  fail("w2", want("w2").at(0));
  auto third = want("w1", 8);
  const auto found = std::find_if(third.begin(), third.end(),
                                  [&](const SendLease& each) { return each.unit == lease.unit; });
  ASSERT_NE(found, third.end());
  fail("w1", *found);

  EXPECT_EQ(row(lease).state, UnitState::kFailed);
  EXPECT_FALSE(view("w1").is_quarantined || view("w2").is_quarantined);
  EXPECT_EQ(view("w1").rests_seconds + view("w2").rests_seconds, 0);
}

}  // namespace
}  // namespace isocost::core

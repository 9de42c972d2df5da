#include "coordinator/core/core.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/coordinator/core/core_harness.h"

namespace isocost::core {
namespace {

TEST_F(CoreTest, LeasesNoMoreThanTheCredit) {
  coordinator.hello("s", "w", inputs);

  EXPECT_EQ(coordinator.want("s", 2).size(), 2U);
}

TEST_F(CoreTest, LeasesNothingThatTheWorkerHasNoInputsFor) {
  coordinator.hello("s", "w", {testing::input_of("another model")});

  EXPECT_TRUE(coordinator.want("s", 8).empty());
  EXPECT_TRUE(coordinator.core->is_stuck());
  Snapshot snapshot;
  coordinator.core->describe(snapshot, coordinator.now);
  EXPECT_EQ(snapshot.missing_inputs.size(), 3U);
}

TEST_F(CoreTest, LeasesAScoreOnlyWhenAllThatItNeedsIsDone) {
  coordinator.hello("s", "w", inputs);
  const auto first = coordinator.want("s", 8);
  ASSERT_EQ(first.size(), 3U);

  EXPECT_TRUE(Coordinator::leases(coordinator.result("s", first[0])).empty());
  EXPECT_TRUE(Coordinator::leases(coordinator.result("s", first[1])).empty());
  const auto then = Coordinator::leases(coordinator.result("s", first[2]));

  ASSERT_EQ(then.size(), 1U);
  EXPECT_EQ(then[0].kind, UnitKind::kScore);
  coordinator.result("s", then[0]);
  EXPECT_TRUE(coordinator.core->is_finished());
}

TEST_F(CoreTest, ComparesALaterResultWithTheFirst) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);

  EXPECT_EQ(coordinator.verdict(coordinator.result("s", lease)), wire::Verdict::kAccepted);
  EXPECT_EQ(coordinator.verdict(coordinator.result("s", lease)), wire::Verdict::kRepeated);
  EXPECT_EQ(coordinator.verdict(coordinator.result("s", lease, "other")), wire::Verdict::kMismatch);
  EXPECT_EQ(coordinator.store.state().repeats.size(), 2U);
}

TEST_F(CoreTest, DoesNotWantAResultOfAnUnknownUnit) {
  coordinator.hello("s", "w", inputs);
  const Attempt given = Attempts(1, testing::kSecret).next("generate/unknown");
  const SendLease lease{{"s"}, UnitId{}, "generate/unknown", UnitKind::kGenerate, given};

  EXPECT_EQ(coordinator.verdict(coordinator.result("s", lease)), wire::Verdict::kNotWanted);
}

TEST_F(CoreTest, AcceptsAResultOfALeaseThatWasTakenAway) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  coordinator.pass(60s);
  coordinator.hello("s2", "w", inputs);

  EXPECT_EQ(coordinator.verdict(coordinator.result("s2", lease)), wire::Verdict::kAccepted);
}

TEST_F(CoreTest, FailsTheCellAfterThreeAttempts) {
  coordinator.hello("s", "w", inputs);
  std::vector<SendLease> next = coordinator.want("s", 1);
  const std::string name = next.at(0).name;
  for (int attempt = 0; attempt < 3; ++attempt) {
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(next[0].name, name);
    coordinator.fail("s", next[0]);
    if (attempt < 2) next = coordinator.want("s", 1);
  }

  EXPECT_EQ(coordinator.count(UnitState::kFailed), 2U);  // the reference and the score
  for (const auto& [unused, row] : coordinator.store.state().units) {
    if (row.unit.kind != UnitKind::kScore) continue;
    EXPECT_EQ(row.failure->reason, "it needs " + name + ", which failed: it went wrong");
  }
}

TEST_F(CoreTest, FailsAtOnceWhatWillFailAgain) {
  coordinator.hello("s", "w", inputs);

  coordinator.fail("s", coordinator.want("s", 1).at(0), FailureClass::kBadInput);

  EXPECT_EQ(coordinator.count(UnitState::kFailed), 2U);
}

TEST_F(CoreTest, CountsAFailureThatIsToldTwiceOnce) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);

  for (int i = 0; i < 5; ++i) coordinator.fail("s", lease);

  EXPECT_EQ(coordinator.count(UnitState::kFailed), 0U);
}

// The acknowledgement of a failure was lost with the coordinator that had counted it.
TEST_F(CoreTest, CountsAFailureThatIsToldAgainAfterARestartOnce) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  coordinator.fail("s", lease);

  for (int restart = 0; restart < 5; ++restart) {
    coordinator.start();
    coordinator.hello("s", "w", inputs, {{lease.name, lease.attempt, 1.0}});
    EXPECT_EQ(coordinator.verdict(coordinator.fail("s", lease)), wire::Verdict::kAccepted);
  }

  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).attempts, 1);
  EXPECT_EQ(coordinator.want("s", 8).size(), 3U);  // nothing sticks to the old attempt
}

TEST_F(CoreTest, CountsNoAttemptThatNobodyWasToldToMake) {
  coordinator.hello("s", "w", inputs);
  SendLease lease = coordinator.want("s", 1).at(0);

  for (std::uint64_t counter = 100; counter < 110; ++counter) {
    lease.attempt = {1, counter};
    coordinator.fail("s", lease);
  }

  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).attempts, 0);
}

// A supervisor tells later of what its worker died: then it was the unit's own failure.
TEST_F(CoreTest, TurnsALossIntoAnAttemptWhenItsCauseIsTold) {
  for (int death = 0; death < 3; ++death) {
    const std::string session = "s" + std::to_string(death);
    coordinator.hello(session, "w", inputs);
    const auto leases = coordinator.want(session, 1);
    ASSERT_EQ(leases.size(), 1U);
    const std::string next = "s" + std::to_string(death) + "b";
    coordinator.hello(next, "w", inputs);  // the name is taken over: the old session is lost
    EXPECT_EQ(coordinator.store.state().units.at(leases[0].unit).lost_workers, 1);
    coordinator.fail(next, leases[0]);
    EXPECT_EQ(coordinator.store.state().units.at(leases[0].unit).lost_workers, 0);
    EXPECT_EQ(coordinator.store.state().units.at(leases[0].unit).attempts, death + 1);
  }

  EXPECT_EQ(coordinator.count(UnitState::kFailed), 2U);
}

TEST_F(CoreTest, FailsNoUnitOfAFewWorkersThatWereKilled) {
  std::set<UnitId> held;
  for (int death = 0; death < 7; ++death) {
    const std::string session = "s" + std::to_string(death);
    coordinator.hello(session, "w", inputs);
    for (const SendLease& lease : coordinator.want(session, 1)) held.insert(lease.unit);
  }

  EXPECT_EQ(held.size(), 1U);
  EXPECT_EQ(coordinator.count(UnitState::kFailed), 0U);
  for (int death = 7; death < 9; ++death) {
    const std::string session = "s" + std::to_string(death);
    coordinator.hello(session, "w", inputs);
    coordinator.want(session, 1);
  }
  EXPECT_EQ(coordinator.count(UnitState::kFailed), 2U);  // the reference and its score
}

// A worker that comes back tells that it was killed from outside.
TEST_F(CoreTest, CountsNothingAgainstAUnitWhoseWorkersWereKilledFromOutside) {
  std::set<UnitId> held;
  for (int death = 0; death < 20; ++death) {
    const std::string session = "s" + std::to_string(death);
    coordinator.hello(session, "w", inputs, {}, true);
    for (const SendLease& lease : coordinator.want(session, 1)) held.insert(lease.unit);
  }

  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(coordinator.store.state().units.at(*held.begin()).lost_workers, 0);
  EXPECT_EQ(coordinator.count(UnitState::kFailed), 0U);
}

TEST_F(CoreTest, ForgivesALossThatIsExplainedLater) {
  for (int death = 0; death < 20; ++death) {
    const std::string session = "s" + std::to_string(death);
    coordinator.hello(session, "w", inputs, {}, true);
    const auto leases = coordinator.want(session, 1);
    ASSERT_EQ(leases.size(), 1U);
    coordinator.pass(60s);
    const auto& row = coordinator.store.state().units.at(leases[0].unit);
    EXPECT_EQ(row.lost_workers, 1);
    coordinator.hello(session + "b", "w", inputs, {}, true);
    EXPECT_EQ(row.lost_workers, 0);
    EXPECT_TRUE(row.failed.empty());
  }

  EXPECT_EQ(coordinator.count(UnitState::kFailed), 0U);
}

// What lasted was the coordinator's own pause.
TEST_F(CoreTest, LosesNoWorkerWhileItWasNotListeningItself) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  coordinator.pass(10s);

  coordinator.now += 120s;
  coordinator.hand(Tick{});

  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).lost_workers, 0);
  coordinator.hand(Heartbeat{{"s"}, {{{lease.name, lease.attempt, 0.5}}}});
  coordinator.pass(14s);
  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).lost_workers, 0);
  coordinator.pass(2s);
  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).lost_workers, 1);
}

TEST_F(CoreTest, CountsNoLossOfAUnitWhoseResultComesFromThatAttempt) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  coordinator.pass(60s);
  const auto& row = coordinator.store.state().units.at(lease.unit);
  EXPECT_EQ(row.lost_workers, 1);

  coordinator.hello("s2", "w", inputs);
  coordinator.result("s2", lease);

  EXPECT_EQ(row.lost_workers, 0);
  EXPECT_TRUE(row.failed.empty());
}

TEST_F(CoreTest, ForgivesALossThatIsExplainedAfterAnotherFinishedTheUnit) {
  coordinator.hello("s1", "w1", inputs);
  const auto lease = coordinator.want("s1", 1).at(0);
  coordinator.pass(60s);
  coordinator.hello("s2", "w2", inputs);
  coordinator.result("s2", coordinator.want("s2", 1).at(0));
  const auto& row = coordinator.store.state().units.at(lease.unit);
  EXPECT_EQ(row.lost_workers, 1);

  coordinator.hello("s3", "w1", inputs, {}, true);

  EXPECT_EQ(row.lost_workers, 0);
}

// Each explanation is of the worker's last session alone.
TEST_F(CoreTest, ForgivesNoLossBeforeTheLast) {
  coordinator.hello("s1", "w", inputs);
  const auto lease = coordinator.want("s1", 1).at(0);
  coordinator.pass(60s);
  coordinator.hello("s2", "w", inputs);

  coordinator.hello("s3", "w", inputs, {}, true);

  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).lost_workers, 1);
}

TEST_F(CoreTest, TakesFailedUnitsUpAgainOnRetry) {
  coordinator.hello("s", "w", inputs);
  coordinator.fail("s", coordinator.want("s", 1).at(0), FailureClass::kNotFinite);

  coordinator.hand(
      Retry{RequestId{2}, coordinator.store.units(coordinator.store.failed(std::nullopt))});

  EXPECT_EQ(coordinator.count(UnitState::kFailed), 0U);
  EXPECT_EQ(coordinator.want("s", 8).size(), 3U);
}

TEST_F(CoreTest, GivesALostWorkersUnitToAnotherAndBlamesOnlyWhatItRan) {
  coordinator.hello("s1", "w1", inputs);
  const auto leases = coordinator.want("s1", 2);
  ASSERT_EQ(leases.size(), 2U);
  coordinator.hand(Heartbeat{
      {"s1"},
      {{{leases[0].name, leases[0].attempt, 0.0}, {leases[1].name, leases[1].attempt, 0.5}}}});
  coordinator.pass(60s);
  coordinator.hello("s2", "w2", inputs);

  EXPECT_EQ(coordinator.want("s2", 8).size(), 3U);
  const auto& rows = coordinator.store.state();
  EXPECT_EQ(rows.units.at(leases[0].unit).lost_workers, 0);
  EXPECT_EQ(rows.units.at(leases[1].unit).lost_workers, 1);
}

TEST_F(CoreTest, CountsNothingAgainstWhatIsHandedBack) {
  coordinator.hello("s1", "w1", inputs);
  const auto lease = coordinator.want("s1", 1).at(0);
  coordinator.hand(WorkerLeft{{"s1"}});
  coordinator.hello("s2", "w2", inputs);

  EXPECT_EQ(coordinator.want("s2", 1).at(0).unit, lease.unit);
  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).lost_workers, 0);
}

TEST_F(CoreTest, LetsWorkersGoOnAfterARestart) {
  coordinator.hello("s1", "w1", inputs);
  const auto lease = coordinator.want("s1", 1).at(0);

  coordinator.start();
  const auto reply = Coordinator::sent<wire::HeartbeatReply>(
      coordinator.hand(Heartbeat{{"s1"}, {{{lease.name, lease.attempt, 0.5}}}}));
  ASSERT_EQ(reply.size(), 1U);
  EXPECT_TRUE(reply[0].is_unknown);
  coordinator.hello("s1", "w1", inputs, {{lease.name, lease.attempt, 0.5}});
  coordinator.hello("s2", "w2", inputs);

  for (const SendLease& other : coordinator.want("s2", 8)) EXPECT_NE(other.unit, lease.unit);
  EXPECT_EQ(coordinator.verdict(coordinator.result("s1", lease)), wire::Verdict::kAccepted);
}

TEST_F(CoreTest, NumbersAttemptsByEpochAndCounter) {
  coordinator.hello("s", "w", inputs);
  const auto first = coordinator.want("s", 1).at(0);
  coordinator.start();
  coordinator.hello("s", "w", inputs);
  const auto second = coordinator.want("s", 1).at(0);

  EXPECT_EQ(first.attempt.epoch, 1U);
  EXPECT_EQ(first.attempt.counter >> 32U, 1U);
  EXPECT_EQ(second.attempt.epoch, 2U);
  EXPECT_EQ(second.attempt.counter >> 32U, 1U);
}

TEST_F(CoreTest, GivesANameToTheNewcomerAndRefusesTheOldSession) {
  coordinator.hello("old", "w", inputs);
  const auto lease = coordinator.want("old", 1).at(0);
  coordinator.hello("new", "w", inputs);

  EXPECT_EQ(coordinator.want("new", 8).size(), 3U);
  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).lost_workers, 1);
  const auto rejects = Coordinator::sent<wire::Reject>(coordinator.hand(Heartbeat{{"old"}, {}}));
  ASSERT_EQ(rejects.size(), 1U);
  EXPECT_EQ(rejects[0].code, wire::RejectCode::kNameInUse);
}

TEST_F(CoreTest, RefusesAnotherProtocol) {
  wire::Hello hello;
  hello.protocol = 99;
  hello.worker = "w";

  const auto rejects = Coordinator::sent<wire::Reject>(coordinator.hand(WorkerHello{{"s"}, hello}));

  ASSERT_EQ(rejects.size(), 1U);
  EXPECT_EQ(rejects[0].code, wire::RejectCode::kProtocol);
}

TEST_F(CoreTest, FreesALeaseThatItsWorkerNeverMentions) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  for (int i = 0; i < 10; ++i) {
    coordinator.now += 2s;
    const auto again = Coordinator::leases(coordinator.hand(Heartbeat{{"s"}, {}}));
    if (again.empty()) continue;
    EXPECT_EQ(again.at(0).unit, lease.unit);
    return;
  }
  FAIL() << "the lease was never freed";
}

TEST_F(CoreTest, TellsAWorkerWhatNobodyWantsAnyMore) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  coordinator.hand(CancelExperiment{RequestId{3}, ExperimentId{1}});
  coordinator.hand(Unwanted{coordinator.store.unwanted()});

  const auto reply = Coordinator::sent<wire::HeartbeatReply>(
      coordinator.hand(Heartbeat{{"s"}, {{{lease.name, lease.attempt, 0.5}}}}));

  EXPECT_EQ(coordinator.count(UnitState::kCancelled), 4U);
  EXPECT_EQ(reply.at(0).cancel, std::vector<std::string>{lease.name});
  EXPECT_TRUE(coordinator.core->is_finished());
}

TEST_F(CoreTest, RunsFirstWhatGotAHigherPriorityWhileItWasOpen) {
  const Submission other = submission_of({.name = "other", .models = 2, .steps = {4}});
  coordinator.submit(other);  // the first model again, and a second
  coordinator.hello("s", "w", inputs_of(other));
  const auto usual = coordinator.want("s", 2);  // the reference, and images of a model
  ASSERT_EQ(usual.size(), 2U);
  const auto& units = coordinator.store.state().units;
  const std::string warm = units.at(usual[1].unit).unit.affinity;
  std::map<UnitId, int> cold;  // images of the other model
  for (const auto& [id, row] : units)
    if (row.unit.kind == UnitKind::kGenerate && row.unit.affinity != warm) cold[id] = 7;
  ASSERT_EQ(cold.size(), 2U);

  coordinator.hand(Prioritized{cold});
  const auto raised = coordinator.want("s", 1);
  coordinator.hand(Prioritized{});  // what is not named has 0 again
  const auto lowered = coordinator.want("s", 1, {warm});

  ASSERT_EQ(raised.size(), 1U);
  EXPECT_TRUE(cold.contains(raised[0].unit)) << raised[0].name;
  ASSERT_EQ(lowered.size(), 1U);
  EXPECT_FALSE(cold.contains(lowered[0].unit)) << lowered[0].name;
}

TEST_F(CoreTest, LeasesNothingWhileItDrains) {
  coordinator.hello("s", "w", inputs);
  coordinator.hand(Drain{});

  EXPECT_TRUE(coordinator.want("s", 8).empty());
  EXPECT_TRUE(Coordinator::sent<wire::HeartbeatReply>(coordinator.hand(Heartbeat{{"s"}, {}}))
                  .at(0)
                  .is_draining);
}

TEST_F(CoreTest, TurnsAnInvalidResultIntoAFailedAttempt) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  ResultArrived event;
  event.session = {"s"};
  event.known = coordinator.store.find_unit(lease.name);
  event.message.attempt = lease.attempt;
  event.message.result.unit = lease.name;
  event.is_invalid = UnitFailure{FailureClass::kBug, "the rows are missing", {}};

  EXPECT_EQ(coordinator.verdict(coordinator.hand(event)), wire::Verdict::kNotWanted);
  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).attempts, 1);
}

TEST(CoreDispatch, KeepsAWorkerOnTheModelThatItHasLoaded) {
  Coordinator coordinator;
  const Submission submission = submission_of({.models = 3, .has_reference = false});
  coordinator.submit(submission);
  coordinator.hello("s", "w", inputs_of(submission));

  const auto leases = coordinator.want("s", 4, {testing::input_of("unet-1")});

  ASSERT_EQ(leases.size(), 4U);
  for (const SendLease& lease : leases) {
    const auto& row = coordinator.store.state().units.at(lease.unit);
    EXPECT_EQ(row.unit.affinity, testing::input_of("unet-1"));
  }
  // Longest first: eight steps before four.
  EXPECT_GE(coordinator.store.state().units.at(leases[0].unit).unit.gflops,
            coordinator.store.state().units.at(leases[3].unit).unit.gflops);
}

TEST(CoreDispatch, SpreadsTwoWorkersOverTwoModels) {
  Coordinator coordinator;
  const Submission submission = submission_of({.models = 2, .has_reference = false});
  coordinator.submit(submission);
  coordinator.hello("s1", "w1", inputs_of(submission));
  coordinator.hello("s2", "w2", inputs_of(submission));

  const auto first = coordinator.want("s1", 1).at(0);
  const auto second = coordinator.want("s2", 1).at(0);

  const auto& units = coordinator.store.state().units;
  EXPECT_NE(units.at(first.unit).unit.affinity, units.at(second.unit).unit.affinity);
}

}  // namespace
}  // namespace isocost::core

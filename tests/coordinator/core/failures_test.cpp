// Whose fault failures are: the next attempt elsewhere, workers that rest or are in quarantine,
// units that never end, and artifacts that are lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/coordinator/core/core_harness.h"

namespace isocost::core {
namespace {

using ::testing::HasSubstr;

// One model, one cell: eight generate units and a score over them.
class FailuresTest : public ::testing::Test {
 protected:
  FailuresTest()
      : submission(
            submission_of({.models = 1, .steps = {4}, .images = 512, .has_reference = false})) {
    coordinator.submit(submission);
    inputs = inputs_of(submission);
  }

  void attach(const std::string& worker) { coordinator.hello("s-" + worker, worker, inputs); }
  std::vector<SendLease> want(const std::string& worker, std::uint32_t credit = 1) {
    return coordinator.want("s-" + worker, credit);
  }
  std::vector<Message> fail(const std::string& worker, const SendLease& lease,
                            FailureClass why = FailureClass::kBug) {
    return coordinator.fail("s-" + worker, lease, why);
  }
  std::vector<Message> finish(const std::string& worker, const SendLease& lease) {
    return coordinator.result("s-" + worker, lease);
  }
  const testing::MemoryStore::UnitRow& row(const SendLease& lease) const {
    return coordinator.store.state().units.at(lease.unit);
  }
  WorkerView view(const std::string& worker) {
    Snapshot snapshot;
    coordinator.core->describe(snapshot, coordinator.now);
    for (const WorkerView& each : snapshot.workers)
      if (each.name == worker) return each;
    return {};
  }
  [[nodiscard]] std::string last_note() const {
    return coordinator.notes.empty() ? "" : coordinator.notes.back().what;
  }
  // Both speak all the time; nobody is lost.
  void pass(Duration time, const std::vector<std::string>& workers) {
    for (const Instant end = coordinator.now + time; coordinator.now < end;) {
      coordinator.pass(std::min<Duration>(2s, end - coordinator.now));
      for (const std::string& worker : workers) beat(worker);
    }
  }
  void beat(const std::string& worker, const std::vector<wire::Running>& running = {}) {
    coordinator.hand(Heartbeat{{"s-" + worker}, {running}});
  }

  Coordinator coordinator;
  Submission submission;
  std::vector<std::string> inputs;
};

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
  coordinator.hand(WorkerLeft{{"s-w2"}, {}});

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

  EXPECT_EQ(row(lease).unit.state, UnitState::kReady);
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
  EXPECT_EQ(row(lease).unit.state, UnitState::kFailed);
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

  EXPECT_EQ(row(lease).unit.state, UnitState::kReady);
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
  EXPECT_EQ(row(lease).unit.state, UnitState::kReady);
  finish("w2", other);

  const auto second = want("w2").at(0);
  ASSERT_EQ(second.unit, lease.unit);
  finish("w2", second);

  EXPECT_EQ(row(lease).unit.state, UnitState::kDone);
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

  EXPECT_EQ(row(lease).unit.state, UnitState::kFailed);
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
    if (row(lease).unit.state == UnitState::kDone) continue;
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
  EXPECT_THAT(last_note(), HasSubstr("it is well again"));
  EXPECT_FALSE(want("sick", 2).empty());
}

// The tick gives it its unit: a worker that rests asks for nothing new.
TEST_F(FailuresTest, LeasesByItselfWhenARestIsOver) {
  attach("w1");
  for (int unit = 0; unit < 3; ++unit) {
    SendLease lease = want("w1").at(0);
    for (int attempt = 0; attempt < 3 && row(lease).unit.state == UnitState::kReady; ++attempt) {
      if (attempt > 0) lease = want("w1").at(0);
      fail("w1", lease);
      if (view("w1").rests_seconds > 0) break;
    }
  }
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

  EXPECT_EQ(row(lease).unit.state, UnitState::kFailed);
  EXPECT_FALSE(view("w1").is_quarantined || view("w2").is_quarantined);
  EXPECT_EQ(view("w1").rests_seconds + view("w2").rests_seconds, 0);
}

// --- units that never end -------------------------------------------------------------------

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
  coordinator.hand(WorkerLeft{{"s-w2"}, {}});
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

// --- artifacts that are lost ----------------------------------------------------------------

class LossTest : public FailuresTest {
 protected:
  // All images are there, with one artifact each; the score is leased to w1.
  LossTest() {
    attach("w1");
    for (int unit = 0; unit < 8; ++unit) {
      const auto lease = want("w1").at(0);
      makers.push_back(lease);
      finish_with_rows("w1", lease);
    }
    score = want("w1").at(0);
  }
  std::vector<Message> finish_with_rows(const std::string& worker, const SendLease& lease,
                                        const std::string& content = "same") {
    ResultArrived event;
    event.session = {"s-" + worker};
    event.known = coordinator.store.find_unit(lease.name);
    event.message.attempt = lease.attempt;
    event.message.result.unit = lease.name;
    event.message.result.artifacts = {{"rows/x", sha256("rows of " + lease.name), 7}};
    event.message.result.digest = sha256(lease.name + content);
    return coordinator.hand(event);
  }

  std::vector<SendLease> makers;
  SendLease score;
};

TEST_F(LossTest, MakesAgainWhatAScoreMissesAndBlamesNobody) {
  ASSERT_EQ(score.kind, UnitKind::kScore);
  const Digest lost = sha256("rows of " + makers[3].name);

  coordinator.fail_for_want_of("s-w1", score, {lost});

  EXPECT_EQ(row(makers[3]).unit.state, UnitState::kReady);
  EXPECT_EQ(row(score).unit.state, UnitState::kWaiting);
  EXPECT_EQ(row(score).attempts, 0);
  EXPECT_EQ(view("w1").failures_in_a_row, 0U);
  const auto again = want("w1", 8);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].unit, makers[3].unit);
  const auto next = Coordinator::leases(finish_with_rows("w1", again[0]));
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].unit, score.unit);
  finish("w1", next[0]);
  EXPECT_TRUE(coordinator.core->is_finished());
}

TEST_F(LossTest, CountsNothingWhenTheSameIsToldAgain) {
  const Digest lost = sha256("rows of " + makers[3].name);
  coordinator.fail_for_want_of("s-w1", score, {lost});

  coordinator.fail_for_want_of("s-w1", score, {lost});
  coordinator.fail("s-w1", score);
  coordinator.start();
  attach("w1");
  coordinator.fail("s-w1", score);

  EXPECT_EQ(row(score).attempts, 0);
  EXPECT_EQ(row(makers[3]).remakes, 1);
}

TEST_F(LossTest, CountsAnAttemptWhereNothingIsLost) {
  coordinator.fail_for_want_of("s-w1", score, {sha256("nobody made this")}, false);

  EXPECT_EQ(row(score).attempts, 1);
  EXPECT_EQ(view("w1").failures_in_a_row, 1U);
}

// Two found the same loss. When the second tells, it is being made, or made already.
class LateLossTest : public LossTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(IsMade, LateLossTest, ::testing::Bool());

TEST_P(LateLossTest, BlamesNobody) {
  const Digest lost = sha256("rows of " + makers[3].name);
  coordinator.hand(ArtifactsLost{RequestId{}, coordinator.store.makers({lost})});
  attach("w2");
  const auto maker = want("w2").at(0);
  const bool is_made = GetParam();
  if (is_made) finish_with_rows("w2", maker);

  coordinator.fail_for_want_of("s-w1", score, {lost}, !is_made);

  EXPECT_EQ(row(score).attempts, 0);
  EXPECT_EQ(view("w1").failures_in_a_row, 0U);
  EXPECT_EQ(row(makers[3]).remakes, 1);
}

TEST_F(LossTest, ComparesWhatIsMadeAgainWithWhatItWas) {
  coordinator.fail_for_want_of("s-w1", score, {sha256("rows of " + makers[0].name)});
  finish_with_rows("w1", want("w1").at(0), "same");
  const auto again = want("w1").at(0);
  coordinator.fail_for_want_of("s-w1", again, {sha256("rows of " + makers[0].name)});
  finish_with_rows("w1", want("w1").at(0), "another");

  Snapshot snapshot;
  coordinator.core->describe(snapshot, coordinator.now);
  EXPECT_EQ(snapshot.repeats, 2U);
  EXPECT_EQ(snapshot.mismatches, 1U);
  EXPECT_EQ(snapshot.units_made_again, 2U);
}

// Another worker holds the score meanwhile, and hands it back.
TEST_F(LossTest, ALeasedUnitWaitsOnceItIsHandedBack) {
  coordinator.hand(
      ArtifactsLost{RequestId{7}, coordinator.store.makers({sha256("rows of " + makers[1].name)})});
  EXPECT_EQ(coordinator.core->table().leased_count(), 1U);

  coordinator.hand(WorkerLeft{{"s-w1"}, {}});
  attach("w2");
  const auto next = want("w2", 8);

  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].unit, makers[1].unit);
}

TEST_F(LossTest, TakesTheResultOfAScoreThatWasLeasedBefore) {
  coordinator.hand(
      ArtifactsLost{RequestId{7}, coordinator.store.makers({sha256("rows of " + makers[1].name)})});

  EXPECT_EQ(coordinator.verdict(finish("w1", score)), wire::Verdict::kAccepted);
  finish_with_rows("w1", want("w1").at(0));

  EXPECT_TRUE(coordinator.core->is_finished());
}

TEST_F(LossTest, FailsWhatIsLostAgainAndAgain) {
  SendLease next = score;
  for (int loss = 1; loss <= 9; ++loss) {
    coordinator.fail_for_want_of("s-w1", next, {sha256("rows of " + makers[5].name)});
    if (loss == 9) break;
    finish_with_rows("w1", want("w1").at(0));
    next = want("w1").at(0);
  }

  EXPECT_EQ(row(makers[5]).unit.state, UnitState::kFailed);
  EXPECT_THAT(row(makers[5]).failure->reason, HasSubstr("its artifacts were lost 9 times"));
  EXPECT_EQ(row(score).unit.state, UnitState::kFailed);
  EXPECT_TRUE(coordinator.core->is_finished());
  coordinator.hand(
      Retry{RequestId{2}, coordinator.store.units(coordinator.store.failed(std::nullopt))});
  EXPECT_EQ(row(makers[5]).unit.state, UnitState::kReady);
}

TEST_F(LossTest, OpensItAgainAfterARestartToo) {
  coordinator.fail_for_want_of("s-w1", score, {sha256("rows of " + makers[2].name)});

  coordinator.start();
  attach("w1");
  const auto next = want("w1", 8);

  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].unit, makers[2].unit);
}

}  // namespace
}  // namespace isocost::core

// What people are told of: who came and went, what was handed out, what failed.
#include <gmock/gmock.h>

#include "tests/coordinator/core/core_harness.h"

namespace isocost::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EventsTest : public CoreTest {
 protected:
  // "kind who", of all so far.
  [[nodiscard]] std::vector<std::string> told() const {
    std::vector<std::string> found;
    for (const RecordEvent& event : coordinator.events)
      found.push_back(event.kind + (event.who.empty() ? "" : " " + event.who));
    return found;
  }
  [[nodiscard]] const RecordEvent& last() const { return coordinator.events.back(); }
  // So many units, one after another.
  void finish(int units) {
    for (int i = 0; i < units; ++i) {
      const auto leases = coordinator.want("s", 1);
      ASSERT_EQ(leases.size(), 1U);
      coordinator.result("s", leases[0]);
    }
  }
  Snapshot snapshot() {
    Snapshot picture;
    coordinator.core->describe(picture, coordinator.now);
    return picture;
  }
};

TEST_F(EventsTest, TellsOfAWorkerThatComesAndGoes) {
  coordinator.hello("s", "w", inputs);
  coordinator.hand(WorkerLeft{{"s"}, "asked to stop"});

  EXPECT_THAT(told(), ElementsAre("submitted", "attached w", "left w"));
  EXPECT_EQ(last().what, "asked to stop");
  const Snapshot picture = snapshot();
  ASSERT_EQ(picture.gone_workers.size(), 1U);
  EXPECT_EQ(picture.gone_workers[0].name, "w");
  EXPECT_FALSE(picture.gone_workers[0].is_lost);
  EXPECT_EQ(picture.gone_workers[0].reason, "asked to stop");
}

// What peers say is fit for a line and a terminal before it is kept.
TEST_F(EventsTest, KeepsWhatPeersSayAsOneLine) {
  coordinator.hello("s", "w", inputs);
  const auto leases = coordinator.want("s", 1);
  ASSERT_EQ(leases.size(), 1U);
  coordinator.hand(FailureArrived{
      {"s"}, {leases[0].name, leases[0].attempt, {FailureClass::kBug, "no\nroom\x1b[2J", {}}}});
  EXPECT_THAT(last().what, HasSubstr("failed attempt 1: bug: no; room?[2J"));
  EXPECT_THAT(snapshot().workers.at(0).last_failure, "bug: no; room?[2J");

  coordinator.hand(WorkerLeft{{"s"}, "bye\n\x1b]0;x\x07"});

  EXPECT_EQ(last().what, "bye; ?]0;x?");
  EXPECT_EQ(snapshot().gone_workers.at(0).reason, "bye; ?]0;x?");
}

// A worker that was killed leaves a trace, and so does its return.
TEST_F(EventsTest, TellsOfAWorkerThatIsLostAndComesBack) {
  coordinator.hello("s", "w", inputs);
  ASSERT_EQ(coordinator.want("s", 1).size(), 1U);
  coordinator.pass(16s);

  EXPECT_EQ(told().back(), "lost w");
  EXPECT_THAT(last().what, HasSubstr("nothing was heard of it for 15 s; it held 1 unit, free"));
  ASSERT_EQ(snapshot().gone_workers.size(), 1U);
  EXPECT_TRUE(snapshot().gone_workers[0].is_lost);

  coordinator.pass(5s);
  coordinator.hello("s2", "w", inputs, {}, true);

  EXPECT_EQ(told().back(), "returned w");
  EXPECT_THAT(last().what, HasSubstr("back after 5 s; its loss counts against no unit"));
  EXPECT_TRUE(snapshot().gone_workers.empty());
}

// Its supervisor starts it again long before it would be missed.
TEST_F(EventsTest, TellsOfAWorkerThatWasKilledAndStartedAgainAtOnce) {
  coordinator.hello("s", "w", inputs);
  coordinator.want("s", 1);
  coordinator.hello("s2", "w", inputs, {}, true);

  EXPECT_THAT(told(), ElementsAre("submitted", "attached w", "lost w", "returned w"));
  EXPECT_TRUE(snapshot().gone_workers.empty());
}

TEST_F(EventsTest, SaysThatAConnectionBroke) {
  coordinator.hello("s", "w", inputs);
  coordinator.hand(SessionLost{{"s"}});
  coordinator.pass(6s);

  EXPECT_EQ(told().back(), "lost w");
  EXPECT_EQ(last().what, "its connection broke and it did not come back");
}

TEST_F(EventsTest, ShowsWorkersThatLeftForAWhile) {
  coordinator.hello("s", "w", inputs);
  coordinator.hand(WorkerLeft{{"s"}, {}});
  coordinator.pass(kGoneShown - 1s);
  EXPECT_EQ(snapshot().gone_workers.size(), 1U);

  coordinator.pass(2s);

  EXPECT_TRUE(snapshot().gone_workers.empty());
}

// Of a minute all together.
TEST_F(EventsTest, TellsLeasesTogether) {
  coordinator.hello("s", "w", inputs);
  coordinator.hello("t", "v", inputs);
  coordinator.want("s", 1);
  coordinator.want("t", 1);
  const std::size_t before = coordinator.events.size();
  for (int i = 0; i < 6; ++i) {
    coordinator.hand(Heartbeat{{"s"}, {}});
    coordinator.hand(Heartbeat{{"t"}, {}});
    coordinator.pass(9s);
  }
  EXPECT_EQ(coordinator.events.size(), before);

  coordinator.hand(Heartbeat{{"s"}, {}});
  coordinator.hand(Heartbeat{{"t"}, {}});
  coordinator.pass(9s);

  ASSERT_EQ(coordinator.events.size(), before + 1);
  EXPECT_EQ(last().kind, "leased");
  EXPECT_THAT(last().what, HasSubstr("workers: v "));
}

TEST_F(EventsTest, TellsLeasesWhenTheLastUnitIsDone) {
  coordinator.hello("s", "w", inputs);
  finish(4);

  ASSERT_TRUE(coordinator.core->is_finished());
  EXPECT_EQ(last().kind, "leased");
  EXPECT_EQ(last().what, "4 units to 1 worker: w 4");
}

TEST_F(EventsTest, TellsOfFailedAttemptsAndOfUnitsThatAreGivenUp) {
  coordinator.hello("s", "w", inputs);
  for (int i = 0; i < 3; ++i) {
    const auto leases = coordinator.want("s", 1);
    ASSERT_EQ(leases.size(), 1U);
    coordinator.fail("s", leases[0]);
  }

  EXPECT_THAT(told(), ElementsAre("submitted", "attached w", "attempt_failed w", "attempt_failed w",
                                  "failed w"));
  EXPECT_THAT(last().what, HasSubstr("is given up: bug: it went wrong; 1 unit that needs it"));
  EXPECT_TRUE(last().unit.has_value());
}

TEST_F(EventsTest, TellsWhatPeopleAskedFor) {
  coordinator.hand(Retry{RequestId{7}, {}, ExperimentId{1}});
  coordinator.hand(CancelExperiment{RequestId{8}, ExperimentId{1}});
  coordinator.hand(Retry{RequestId{}, {}, {}});  // nobody asked

  EXPECT_THAT(told(), ElementsAre("submitted", "retried", "cancelled"));
  EXPECT_EQ(last().experiment, ExperimentId{1});
}

// --- the picture tells the truth ----------------------------------------------------------------

TEST_F(EventsTest, ShowsNoSpeedWhileNothingRuns) {
  coordinator.hello("s", "w", inputs);
  finish(3);
  EXPECT_EQ(snapshot().gflops_per_second, 0);

  coordinator.want("s", 1);

  EXPECT_GT(snapshot().gflops_per_second, 0);
}

TEST_F(EventsTest, PromisesNoTimeWhileInputsAreMissing) {
  coordinator.hello("s", "w", inputs);
  finish(3);
  EXPECT_GE(snapshot().seconds_left, 0);
  Submission other = submission_of({.models = 2, .steps = {4}});
  other.name = "other";
  coordinator.submit(other);

  const Snapshot picture = snapshot();

  EXPECT_FALSE(picture.missing_inputs.empty());
  EXPECT_EQ(picture.seconds_left, -1);
}

}  // namespace
}  // namespace isocost::core

#include "worker/agent/session.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/worker/agent/session_harness.h"

namespace isocost::agent {
namespace {

using namespace std::chrono_literals;

TEST(Session, AsksForOneUnitAtATime) {
  Harness h;
  h.attach();
  EXPECT_EQ(h.said<wire::Want>().at(0).credit, 1u);

  h.hear(lease("a"));
  EXPECT_EQ(h.take<Compute>().at(0).unit.name, "a");
  EXPECT_TRUE(h.said<wire::Want>().empty());
  h.finish("a");

  EXPECT_EQ(h.said<wire::Want>().at(0).credit, 1u);
}

TEST(Session, SaysAgainWhatTheCoordinatorDropped) {
  Harness h;
  const auto pass_a_lease = [&] {  // with a coordinator that answers heartbeats alone
    for (int beat = 0; beat < 4; ++beat) {
      h.pass(3s);
      h.hear(wire::HeartbeatReply{});
    }
  };
  h.attach();
  EXPECT_EQ(h.said<wire::Want>().size(), 1u);
  pass_a_lease();
  EXPECT_EQ(h.said<wire::Want>().size(), 1u);

  h.hear(lease("a"));
  h.finish("a");
  EXPECT_EQ(h.said<wire::ResultMessage>().size(), 1u);
  pass_a_lease();
  EXPECT_EQ(h.said<wire::ResultMessage>().size(), 1u);
  h.acknowledge("a");
  pass_a_lease();
  EXPECT_TRUE(h.said<wire::ResultMessage>().empty());
}

TEST(Session, ForgetsAnOutcomeOnlyWhenItIsAcknowledged) {
  Harness h;
  h.attach();
  h.hear(lease("a"));
  h.finish("a");
  EXPECT_EQ(h.said<wire::ResultMessage>().size(), 1u);
  EXPECT_TRUE(h.take<Forget>().empty());

  h.acknowledge("a");

  EXPECT_EQ(h.take<Forget>().at(0).outcome.unit, "a");
}

TEST(Session, KeepsAnOutcomeWhenAnotherAttemptIsAcknowledged) {
  Harness h;
  h.attach();
  h.hear(lease("a", 2));
  h.finish("a");

  h.acknowledge("a");  // of attempt 1

  EXPECT_TRUE(h.take<Forget>().empty());
}

// The acknowledgement of the failure is late; the answer to a new lease is a new attempt.
TEST(Session, ComputesAnewWhatIsLeasedAgainAfterAFailure) {
  Harness h;
  h.attach();
  h.hear(lease("a", 1));
  h.on(Finished{"a", tl::unexpected(UnitFailure{FailureClass::kBug, "wrong", {}}), {}});
  h.on(Spooled{"a"});
  EXPECT_EQ(h.said<wire::FailureMessage>().size(), 1u);
  EXPECT_EQ(h.take<Compute>().size(), 1u);

  h.hear(lease("a", 2));
  EXPECT_EQ(h.take<Compute>().at(0).attempt, (wire::Attempt{1, 2}));
  h.acknowledge("a");
  h.finish("a");

  EXPECT_EQ(h.said<wire::ResultMessage>().at(0).attempt, (wire::Attempt{1, 2}));
  EXPECT_TRUE(h.take<Forget>().empty());
}

TEST(Session, DeliversArtifactsBeforeTheResult) {
  Harness h;
  h.attach();
  h.hear(lease("a"));
  h.finish("a", true);
  EXPECT_EQ(h.take<Deliver>().at(0).artifacts.at(0), sha256("a"));
  EXPECT_TRUE(h.said<wire::ResultMessage>().empty());

  h.on(Delivered{"a"});
  EXPECT_EQ(h.said<wire::ResultMessage>().size(), 1u);
  h.acknowledge("a", wire::Verdict::kMissing);
  h.pass(2s);

  EXPECT_EQ(h.take<Deliver>().size(), 1u);
}

TEST(Session, TriesFailedDeliveriesAgain) {
  Harness h;
  h.attach();
  h.hear(lease("a"));
  h.finish("a", true);
  h.take<Deliver>();

  h.on(DeliveryFailed{"a", "disk full"});
  EXPECT_TRUE(h.take<Deliver>().empty());
  h.pass(2s);

  EXPECT_EQ(h.take<Deliver>().size(), 1u);
}

// Nobody else has them: without an end it would tell of what is not there.
TEST(Session, FailsAUnitWhoseArtifactsWereLostBeforeTheyArrived) {
  Harness h;
  h.attach();
  h.hear(lease("a"));
  h.finish("a", true);
  h.take<Deliver>();
  h.take<Spool>();

  h.on(DeliveryFailed{"a", "the artifact is missing or damaged", true});
  ASSERT_EQ(h.take<Spool>().size(), 1u);
  h.on(Spooled{"a"});

  const auto failures = h.said<wire::FailureMessage>();
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].failure.failure_class, FailureClass::kInputOutput);
  EXPECT_TRUE(h.said<wire::ResultMessage>().empty());
}

TEST(Session, GoesOnWithoutACoordinatorAndReattaches) {
  Harness h;
  h.attach();
  h.hear(lease("a"));

  h.on(ConnectionLost{"killed"});
  h.finish("a");
  EXPECT_TRUE(h.said<wire::ResultMessage>().empty());
  h.said<wire::Hello>();
  h.pass(1s);
  h.attach();

  const auto hello = h.said<wire::Hello>().at(0);
  EXPECT_EQ(hello.database, "db1");
  EXPECT_EQ(hello.running.at(0).unit, "a");
  EXPECT_EQ(h.said<wire::ResultMessage>().size(), 1u);
}

TEST(Session, SaysOnceWhyThereIsNoCoordinator) {
  Harness h;
  h.pass(1s);

  h.on(ConnectionLost{""});  // not known yet
  h.pass(1s);
  EXPECT_TRUE(h.take<Say>().empty());
  for (int i = 0; i < 3; ++i) {
    h.on(ConnectionLost{"nobody listens there"});
    h.pass(60s);
  }

  const auto said = h.take<Say>();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].text.find("nobody listens there"), std::string::npos) << said[0].text;
}

// What this process was leased and does not hold never reached it; of the one before it only its
// supervisor knows.
TEST(Session, SaysThatNothingDiedWhenItReattaches) {
  Harness h;
  h.attach();
  EXPECT_FALSE(h.said<wire::Hello>().at(0).is_loss_explained);

  h.on(ConnectionLost{"a switch"});
  h.pass(1s);
  h.attach();

  EXPECT_TRUE(h.said<wire::Hello>().at(0).is_loss_explained);
}

TEST(Session, SendsAgainWhatWasNotAcknowledged) {
  Harness h;
  h.attach();
  h.hear(lease("a"));
  h.finish("a");
  h.said<wire::ResultMessage>();

  h.on(ConnectionLost{"killed"});
  h.pass(1s);
  h.attach();

  EXPECT_EQ(h.said<wire::ResultMessage>().size(), 1u);
}

TEST(Session, GreetsAgainWhenItIsUnknown) {
  Harness h;
  h.attach();
  h.said<wire::Hello>();

  h.hear(wire::HeartbeatReply{{}, false, true});

  EXPECT_EQ(h.said<wire::Hello>().size(), 1u);
}

TEST(Session, KeepsOutcomesOfOtherDatabasesForThem) {
  Harness h({{"db1", "a", {1, 1}, result("a")}, {"db2", "b", {1, 1}, result("b")}});

  h.attach("db2");
  EXPECT_EQ(h.said<wire::ResultMessage>().at(0).result.unit, "b");
  h.on(ConnectionLost{"gone"});
  h.pass(1s);
  h.attach("db1");

  EXPECT_EQ(h.said<wire::ResultMessage>().at(0).result.unit, "a");
}

TEST(Session, DropsLeasesOfAnotherDatabase) {
  Harness h;
  h.attach("db1");
  h.hear(lease("a"));
  h.on(ConnectionLost{"gone"});
  h.pass(1s);

  h.attach("db2");
  EXPECT_EQ(h.take<CancelUnit>().at(0).unit, "a");
  h.finish("a");

  EXPECT_TRUE(h.said<wire::ResultMessage>().empty());
  EXPECT_EQ(h.said<wire::Want>().back().credit, 1u);
}

TEST(Session, TakesSilenceForALostConnection) {
  Harness h;
  h.attach();
  for (int i = 0; i < 3; ++i) h.pass(3s);

  EXPECT_EQ(h.take<Disconnect>().size(), 1u);
}

TEST(Session, CancelsWhatNobodyWants) {
  Harness h;
  h.attach();
  h.hear(lease("a"));

  h.hear(wire::HeartbeatReply{{"a"}, false, false});
  EXPECT_EQ(h.take<CancelUnit>().at(0).unit, "a");
  h.on(Finished{"a", tl::unexpected(UnitFailure{FailureClass::kBug, "cancelled", {}}), {}});

  EXPECT_TRUE(h.take<Spool>().empty());
  EXPECT_EQ(h.said<wire::Want>().back().credit, 1u);
}

TEST(Session, TellsALeaseThatItCannotRead) {
  Harness h;
  h.attach();
  wire::Lease broken = lease("a");
  broken.body = "{";

  h.hear(broken);
  h.on(Spooled{"a"});

  EXPECT_EQ(h.said<wire::FailureMessage>().at(0).failure.failure_class, FailureClass::kBug);
}

// Random events in any order, also ones that make no sense: invariants hold and no outcome that was
// spooled disappears without an acknowledgement. The seed stands in the failure's text.
TEST(Session, LosesNoOutcomeWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 chance(seed);
    Harness h;
    std::set<std::string> spooled, forgotten, acknowledged;
    std::vector<std::string> computing, spooling, delivering;
    const auto any = [&](std::vector<std::string>& from) {
      const std::size_t at = chance() % from.size();
      const std::string unit = from[at];
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
      return unit;
    };
    for (int step = 0; step < 400 && !h.session->is_over(); ++step) {
      const std::string unit = "u" + std::to_string(chance() % 12);
      switch (chance() % 10) {
        case 0:
          h.on(ConnectionLost{"chance"});
          break;
        case 1:
          h.attach();
          break;
        case 2:
          h.hear(lease(unit, chance() % 100));
          break;
        case 3:
          if (!computing.empty())
            h.on(Finished{computing.back(), result(any(computing), chance() % 2 == 0), {}});
          break;
        case 4:
          if (!spooling.empty()) {
            const auto u = any(spooling);
            spooled.insert(u);
            h.on(Spooled{u});
          }
          break;
        case 5:
          if (!delivering.empty()) h.on(Delivered{any(delivering)});
          break;
        case 6:
          if (!delivering.empty()) h.on(DeliveryFailed{any(delivering), "chance"});
          break;
        case 7:
          acknowledged.insert(unit);
          h.acknowledge(unit);
          break;
        case 8:
          h.hear(wire::HeartbeatReply{{unit}, false, chance() % 20 == 0});
          break;
        default:
          h.pass(Duration(chance() % 4000));
      }
      for (const auto& effect : h.take<Compute>()) computing.push_back(effect.unit.name);
      for (const auto& effect : h.take<Spool>()) spooling.push_back(effect.outcome.unit);
      for (const auto& effect : h.take<Deliver>()) delivering.push_back(effect.unit);
      for (const auto& effect : h.take<Forget>()) {
        EXPECT_TRUE(spooled.contains(effect.outcome.unit) &&
                    acknowledged.contains(effect.outcome.unit));
        spooled.erase(effect.outcome.unit);
      }
      ASSERT_LE(computing.size(), 1u);
    }
    // What was spooled and never acknowledged is still said after a reattachment.
    h.on(ConnectionLost{"the end"});
    for (const std::string& unit : delivering) h.on(DeliveryFailed{unit, "the end"});
    h.pass(20s);
    h.effects.clear();
    h.attach();
    h.pass(3s);
    std::set<std::string> told;
    for (const auto& effect : h.take<Deliver>()) told.insert(effect.unit);
    for (const auto& message : h.said<wire::ResultMessage>()) told.insert(message.result.unit);
    for (const std::string& unit : spooled) EXPECT_TRUE(told.contains(unit)) << unit;
  }
}

}  // namespace
}  // namespace isocost::agent

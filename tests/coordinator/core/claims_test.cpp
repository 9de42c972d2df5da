// What a peer says counts where something was given out for it, and nowhere else.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/coordinator/core/core_harness.h"

namespace isocost::core {
namespace {

class CoreClaims : public CoreTest {};

// A peer that said no HELLO is told to, and nothing of what it says counts until then.
TEST_F(CoreClaims, BelievesNobodyWhoDidNotGreet) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);

  for (const auto& messages :
       {coordinator.result("stranger", lease), coordinator.fail("stranger", lease)}) {
    EXPECT_TRUE(Coordinator::sent<wire::Ack>(messages).empty());
    ASSERT_EQ(Coordinator::sent<wire::HeartbeatReply>(messages).size(), 1U);
    EXPECT_TRUE(Coordinator::sent<wire::HeartbeatReply>(messages)[0].is_unknown);
  }

  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).attempts, 0);
  EXPECT_NE(coordinator.store.state().units.at(lease.unit).state, UnitState::kDone);
}

// Whatever start an attempt names, and of whatever number it is.
TEST_F(CoreClaims, BelievesNoAttemptThatNobodyWasGiven) {
  coordinator.hello("s", "w", inputs);
  const auto leases = coordinator.want("s", 2);
  coordinator.start();
  coordinator.hello("s", "w", inputs);
  std::mt19937_64 chance(7);

  SendLease lease = leases.at(0);
  std::size_t notes = 0;
  for (int i = 0; i < 1000; ++i) {
    lease.attempt = i == 0 ? leases.at(1).attempt : Attempt{chance() % 3, chance()};
    if (i % 10 == 1) lease.attempt = {1, static_cast<std::uint64_t>(i)};
    EXPECT_EQ(coordinator.verdict(coordinator.result("s", lease)), wire::Verdict::kNotWanted);
    const auto messages = coordinator.fail("s", lease);
    EXPECT_EQ(coordinator.verdict(messages), wire::Verdict::kNotWanted);
    notes += Coordinator::count_notes(messages, log::Incident::kUnbelieved);
  }

  EXPECT_EQ(notes, 1000U);
  EXPECT_EQ(coordinator.store.state().units.at(lease.unit).attempts, 0);
  EXPECT_NE(coordinator.store.state().units.at(lease.unit).state, UnitState::kDone);
  EXPECT_EQ(coordinator.verdict(coordinator.result("s", leases.at(0))), wire::Verdict::kAccepted);
}

// A heartbeat keeps what was leased and takes nothing else.
TEST_F(CoreClaims, LeasesNothingToWhoOnlySaysThatItHoldsIt) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);
  coordinator.start();
  coordinator.hello("other", "w2", inputs);

  const auto messages =
      coordinator.hand(Heartbeat{{"other"}, {{{lease.name, Attempt{1, 1}, 0.5}}}});
  coordinator.hello("s", "w", inputs, {{lease.name, lease.attempt, 0.5}});

  EXPECT_EQ(Coordinator::count_notes(messages, log::Incident::kUnbelieved), 1U);
  ASSERT_EQ(Coordinator::sent<wire::HeartbeatReply>(messages).size(), 1U);
  EXPECT_EQ(Coordinator::sent<wire::HeartbeatReply>(messages)[0].cancel,
            std::vector<std::string>{lease.name});
  // It is still its owner's.
  for (const SendLease& next : coordinator.want("other", 8)) EXPECT_NE(next.unit, lease.unit);
}

// Who asks for units and never tells what it holds does not keep them.
TEST_F(CoreClaims, FreesTheLeasesOfWhoNeverTellsWhatItHolds) {
  coordinator.hello("s", "w", inputs);
  const auto lease = coordinator.want("s", 1).at(0);

  for (int i = 0; i < 20; ++i) {
    coordinator.pass(2s);
    coordinator.hand(Want{{"s"}, {}});
  }
  coordinator.hello("s2", "w2", inputs);

  std::set<UnitId> given;
  for (const SendLease& next : coordinator.want("s2", 8)) given.insert(next.unit);
  EXPECT_TRUE(given.contains(lease.unit));
}

// What workers say that they have is kept once for all that say the same, and bounded in all.
TEST_F(CoreClaims, BoundsWhatAllWorkersSayThatTheyHave) {
  const auto list = [](int first) {
    std::vector<std::string> names;
    for (int i = 0; i < 20'000; ++i) names.push_back("sha256:" + std::to_string(first + i));
    return names;
  };
  int welcomed = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "w" + std::to_string(i);
    const auto messages = coordinator.hello("same-" + name, "same-" + name, list(0));
    EXPECT_EQ(Coordinator::sent<wire::Welcome>(messages).size(), 1U);
    welcomed += static_cast<int>(Coordinator::sent<wire::Welcome>(
                                     coordinator.hello("own-" + name, name, list(20'000 * i + 1)))
                                     .size());
  }

  EXPECT_EQ(welcomed, 24);
  coordinator.pass(60s);  // all are gone, and none is waited for where there is no room
  EXPECT_EQ(Coordinator::sent<wire::Welcome>(coordinator.hello("s", "w", list(7))).size(), 1U);
}

}  // namespace
}  // namespace isocost::core

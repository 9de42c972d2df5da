#include "coordinator/peer_queue.h"

#include <gtest/gtest.h>

namespace isocost::coordinator {
namespace {

std::vector<std::string> peers_of(const std::vector<PeerQueue::Item>& items) {
  std::vector<std::string> peers;
  for (const PeerQueue::Item& item : items) peers.push_back(item.peer);
  return peers;
}

TEST(PeerQueue, KeepsEachPeersOrder) {
  PeerQueue queue;
  for (std::uint32_t i = 0; i < 10; ++i) queue.push("a", wire::Want{i, {}}, 1);

  const auto items = queue.take(100);

  ASSERT_EQ(items.size(), 10U);
  for (std::uint32_t i = 0; i < 10; ++i)
    EXPECT_EQ(std::get<wire::Want>(items[i].message).credit, i);
  EXPECT_TRUE(queue.is_empty());
}

// Who says much delays who says little by one turn at most.
TEST(PeerQueue, GivesEveryPeerItsTurn) {
  PeerQueue queue;
  for (int i = 0; i < 1000; ++i) queue.push("loud", wire::Heartbeat{}, 1);
  queue.push("quiet", wire::Heartbeat{}, 1);

  const auto first = peers_of(queue.take(PeerQueue::kTurnMax + 1));

  EXPECT_EQ(first.size(), PeerQueue::kTurnMax + 1);
  EXPECT_EQ(first.back(), "quiet");
}

// However small the share that is taken at once, the turn goes round.
TEST(PeerQueue, BeginsWhereItEnded) {
  PeerQueue queue;
  for (const char* peer : {"a", "b", "c"})
    for (int i = 0; i < 3; ++i) queue.push(peer, wire::Heartbeat{}, 1);

  std::map<std::string, int> taken;
  for (int i = 0; i < 3; ++i)
    for (const std::string& peer : peers_of(queue.take(1))) ++taken[peer];

  EXPECT_EQ(taken, (std::map<std::string, int>{{"a", 1}, {"b", 1}, {"c", 1}}));
}

TEST(PeerQueue, BoundsAPeerAndAll) {
  PeerQueue queue;
  constexpr std::size_t kMany = PeerQueue::kPeerBytesMax;
  queue.push("a", wire::Heartbeat{}, kMany);

  EXPECT_EQ(queue.room("a", 1), PeerQueue::Room::kNoneForPeer);
  EXPECT_EQ(queue.room("b", kMany), PeerQueue::Room::kThere);
  for (const char* peer : {"b", "c", "d"}) queue.push(peer, wire::Heartbeat{}, kMany);
  EXPECT_EQ(queue.room("e", 1), PeerQueue::Room::kNoneForAll);
  queue.forget("b");
  EXPECT_EQ(queue.room("e", 1), PeerQueue::Room::kThere);
  EXPECT_EQ(queue.take(100).size(), 3U);
  EXPECT_EQ(queue.room("a", kMany), PeerQueue::Room::kThere);
}

TEST(PeerQueue, BoundsMessagesOfNoSize) {
  PeerQueue queue;
  for (std::size_t i = 0; i < PeerQueue::kPeerMessagesMax; ++i)
    queue.push("a", wire::Heartbeat{}, 0);

  EXPECT_EQ(queue.room("a", 0), PeerQueue::Room::kNoneForPeer);
  EXPECT_EQ(queue.room("b", 0), PeerQueue::Room::kThere);
}

}  // namespace
}  // namespace isocost::coordinator

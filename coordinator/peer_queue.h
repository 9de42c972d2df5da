// What peers said and nobody has looked at yet: each peer's messages in their order, and peers in
// turn, so that one who says much delays the others by little.
//
//   if (queue.room(peer, bytes) == PeerQueue::Room::kThere) queue.push(peer, message, bytes);
//   for (PeerQueue::Item& item : queue.take(1000)) ...
//
// Bounded in bytes and messages, a peer and in all: the bytes are those of the wire, which take a
// few times as many in memory. Thread: one at a time.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "schema/wire/messages.h"

namespace isocost::coordinator {

class PeerQueue {
 public:
  struct Item {
    std::string peer;
    wire::Message message;
    std::size_t bytes = 0;
  };
  enum class Room { kThere, kNoneForAll, kNoneForPeer };

  static constexpr std::size_t kPeerMessagesMax = 2000;
  static constexpr std::size_t kPeerBytesMax = std::size_t{8} << 20U;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20U;
  static constexpr std::size_t kTurnMax =
      64;  // messages of one peer before it is the next one's turn

  [[nodiscard]] Room room(const std::string& peer, std::size_t bytes) const;
  void push(const std::string& peer, wire::Message message, std::size_t bytes);
  // At most so many, at most kTurnMax of each peer, beginning where the last call ended.
  [[nodiscard]] std::vector<Item> take(std::size_t count_max);
  // What this peer said counts no more.
  void forget(const std::string& peer);
  [[nodiscard]] bool is_empty() const { return peers_.empty(); }

 private:
  struct Peer {
    std::deque<Item> items;
    std::size_t bytes = 0;
  };
  using Peers = std::map<std::string, Peer>;

  Peers::iterator take_turn(Peers::iterator peer, std::size_t count_max, std::vector<Item>& taken);

  Peers peers_;       // those that have something
  std::string next_;  // whose turn it is, or who comes after it
  std::size_t bytes_ = 0;
};

}  // namespace isocost::coordinator

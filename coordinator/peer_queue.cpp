#include "coordinator/peer_queue.h"

#include <algorithm>
#include <utility>

namespace isocost::coordinator {

PeerQueue::Room PeerQueue::room(const std::string& peer, std::size_t bytes) const {
  const auto known = peers_.find(peer);
  if (known != peers_.end() && (known->second.items.size() >= kPeerMessagesMax ||
                                known->second.bytes + bytes > kPeerBytesMax))
    return Room::kNoneForPeer;
  return bytes_ + bytes > kBytesMax ? Room::kNoneForAll : Room::kThere;
}

void PeerQueue::push(const std::string& peer, wire::Message message, std::size_t bytes) {
  Peer& known = peers_[peer];
  known.items.push_back({peer, std::move(message), bytes});
  known.bytes += bytes;
  bytes_ += bytes;
}

std::vector<PeerQueue::Item> PeerQueue::take(std::size_t count_max) {
  std::vector<Item> taken;
  auto peer = peers_.lower_bound(next_);
  for (std::size_t turns = peers_.size(); turns > 0 && taken.size() < count_max; --turns) {
    if (peer == peers_.end()) peer = peers_.begin();
    peer = take_turn(peer, count_max - taken.size(), taken);
  }
  next_ = peer == peers_.end() ? std::string() : peer->first;
  return taken;
}

// The peer after it; one that has nothing left is forgotten.
PeerQueue::Peers::iterator PeerQueue::take_turn(Peers::iterator peer, std::size_t count_max,
                                                std::vector<Item>& taken) {
  auto& [items, bytes] = peer->second;
  for (std::size_t n = std::min({count_max, kTurnMax, items.size()}); n > 0; --n) {
    bytes -= items.front().bytes;
    bytes_ -= items.front().bytes;
    taken.push_back(std::move(items.front()));
    items.pop_front();
  }
  return items.empty() ? peers_.erase(peer) : std::next(peer);
}

void PeerQueue::forget(const std::string& peer) {
  const auto known = peers_.find(peer);
  if (known == peers_.end()) return;
  bytes_ -= known->second.bytes;
  peers_.erase(known);
}

}  // namespace isocost::coordinator

#include "coordinator/net/connections.h"

#include <fmt/format.h>

#include <algorithm>

namespace isocost::net {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kManyBytes = 256U << 10U;  // between two looks: then the next comes soon
constexpr std::uint64_t kShareBytes = 1U << 20U;   // who has less is no cause of a full house
constexpr milliseconds kSilentAtClose{4'000};      // of a connection that libzmq ended for silence

std::string mib(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1U << 20U));
}

}  // namespace

Connection* Connections::find(Door which, int descriptor) {
  DoorState& door = at(which);
  const auto found = door.connections.find(descriptor);
  return found == door.connections.end() ? nullptr : &found->second;
}

Connection* Connections::known_or_new(Door which, int descriptor, Time now) {
  Connection* known = find(which, descriptor);
  if (known != nullptr && known->now_at(descriptor) != Connection::Now::kAnother) return known;
  auto connection = Connection::open(descriptor, at(which).port, now);
  return connection ? &add(at(which), descriptor, std::move(*connection)) : nullptr;
}

Connection& Connections::add(DoorState& door, int descriptor, Connection connection) {
  door.connections.erase(descriptor);
  connection.order = ++accepted_;
  return door.connections.emplace(descriptor, std::move(connection)).first->second;
}

void Connections::accepted(Door which, int descriptor, Time now, Ended& ended) {
  auto connection = Connection::open(descriptor, at(which).port, now);
  if (!connection) return;  // it is gone already
  const Connection* known = find(which, descriptor);
  if (known != nullptr && known->address() == connection->address())
    return;  // a message came first
  add(at(which), descriptor, std::move(*connection));
  if (count() > limits_.connections_max) make_room(ended);
}

void Connections::took(Door which, int descriptor, Connection& connection, std::size_t bytes,
                       Time now) {
  connection.took(bytes, now);
  at(which).taken_from.insert(descriptor);
}

void Connections::emptied(Door which) {
  DoorState& door = at(which);
  for (const int descriptor : door.taken_from)
    if (Connection* connection = find(which, descriptor)) connection->emptied();
  door.taken_from.clear();
}

void Connections::end(Door door, Connection& connection, log::Incident why, const std::string& what,
                      Ended& ended) {
  if (connection.is_expelled) return;
  connection.end();
  log_.tell(why, connection.who(), what);
  ended.push_back({door, connection.peer, why});
}

void Connections::end_key(const std::string& key, const std::string& what, Ended& ended) {
  for_each([&](Door door, Connection& connection) {
    if (connection.key == key) end(door, connection, log::Incident::kRevokedKey, what, ended);
  });
}

void Connections::bound_key(const std::string& key, Ended& ended) {
  std::vector<std::pair<Door, Connection*>> own;
  for_each([&](Door door, Connection& connection) {
    if (connection.key == key && !connection.is_expelled) own.emplace_back(door, &connection);
  });
  if (own.size() <= limits_.connections_per_key_max) return;
  const auto oldest = std::min_element(own.begin(), own.end(), [](const auto& a, const auto& b) {
    return a.second->order < b.second->order;
  });
  end(oldest->first, *oldest->second, log::Incident::kEvicted,
      fmt::format("its key has more than {} connections", limits_.connections_per_key_max), ended);
}

void Connections::make_room(Ended& ended) {
  Connection* chosen = nullptr;
  Door chosen_door{};
  const auto is_better = [](const Connection& a, const Connection& b) {
    if (a.is_greeted != b.is_greeted) return !a.is_greeted;
    // Of those that said nothing the oldest, of those that work the newest.
    return a.is_greeted ? a.order > b.order : a.order < b.order;
  };
  std::size_t open = 0;
  for_each([&](Door door, Connection& connection) {
    if (connection.is_expelled) return;
    ++open;
    if (chosen != nullptr && !is_better(connection, *chosen)) return;
    chosen = &connection;
    chosen_door = door;
  });
  if (chosen == nullptr || open <= limits_.connections_max) return;
  end(chosen_door, *chosen, log::Incident::kEvicted,
      fmt::format("there are {} connections, as many as may be", limits_.connections_max), ended);
}

void Connections::leave_if_gone(Door which, int descriptor, Time now) {
  DoorState& door = at(which);
  const auto found = door.connections.find(descriptor);
  if (found == door.connections.end()) return;
  Connection& connection = found->second;
  if (connection.now_at(descriptor) == Connection::Now::kThis) return;
  connection.look(now);
  // What libzmq itself found.
  if (!connection.is_expelled && connection.is_established()) {
    if (connection.silence() >= kSilentAtClose)
      log_.tell(log::Incident::kStalled, connection.who(), "it says nothing any more");
    else
      log_.tell(log::Incident::kOversized, connection.who(),
                "its bytes are no frames of this protocol, or larger ones than may be");
  }
  door.connections.erase(found);
  door.taken_from.erase(descriptor);
}

bool Connections::look(Time now, Ended& ended) {
  for (const Door door : kDoors) {
    std::vector<int> descriptors;
    descriptors.reserve(at(door).connections.size());
    for (const auto& [descriptor, unused] : at(door).connections) descriptors.push_back(descriptor);
    for (const int descriptor : descriptors) leave_if_gone(door, descriptor, now);
  }
  const bool is_busy = bound_bytes(now, ended);
  bound_times(now, ended);
  return is_busy;
}

bool Connections::bound_bytes(Time now, Ended& ended) {
  std::uint64_t came = 0;
  Shares waiting, unread;
  for_each([&](Door door, Connection& connection) {
    came = std::max(came, connection.look(now));
    if (connection.is_expelled) return;
    if (connection.waiting() > limits_.peer_bytes_max)
      return end(door, connection, log::Incident::kOversized,
                 mib(connection.waiting()) + " came at once; expected at most " +
                     mib(limits_.peer_bytes_max),
                 ended);
    if (connection.unread() > limits_.unread_bytes_max)
      return end(door, connection, log::Incident::kStalled,
                 mib(connection.unread()) + " wait for it, and it takes nothing", ended);
    waiting.emplace_back(connection.waiting(), std::pair(door, &connection));
    unread.emplace_back(connection.unread(), std::pair(door, &connection));
  });
  bound_sum(std::move(waiting), log::Incident::kOversized, "came and wait", ended);
  bound_sum(std::move(unread), log::Incident::kStalled, "wait to be taken", ended);
  return came > kManyBytes;
}

void Connections::bound_sum(Shares shares, log::Incident why, const char* what, Ended& ended) {
  std::uint64_t sum = 0;
  for (const auto& [bytes, unused] : shares) sum += bytes;
  if (sum <= limits_.all_bytes_max) return;
  std::sort(shares.begin(), shares.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [bytes, who] : shares) {
    if (sum <= limits_.all_bytes_max || bytes < kShareBytes) return;
    end(who.first, *who.second, why,
        fmt::format("{} of all peers {}, {} of them its own", mib(sum), what, mib(bytes)), ended);
    sum -= bytes;
  }
}

void Connections::bound_times(Time now, Ended& ended) {
  for_each([&](Door door, Connection& connection) {
    if (connection.is_expelled) return;
    if (!connection.is_greeted && now - connection.since() > limits_.greeting_max)
      return end(door, connection, log::Incident::kStalled,
                 "it connected and said nothing that counts", ended);
    if (const auto since = connection.stalled_since(); since && now - *since > limits_.stall_max)
      return end(door, connection, log::Incident::kStalled, "it takes nothing of what it is sent",
                 ended);
    if (door == Door::kArtifacts && now - connection.last_message() > limits_.idle_max)
      end(door, connection, log::Incident::kStalled, "it asked for nothing for a long time", ended);
  });
}

std::size_t Connections::count() const {
  std::size_t count = 0;
  for (const DoorState& door : doors_) count += door.connections.size();
  return count;
}

}  // namespace isocost::net

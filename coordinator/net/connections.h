// The connections of both doors and their bounds: who has more than a share, or takes longer than
// it may, is ended here. For Guard alone, which knows when to look and whom to tell.
//
//   Connections connections(limits, log);
//   std::vector<Expelled> ended;
//   connections.accepted(Door::kSession, descriptor, now, ended);
//   const bool is_busy = connections.look(now, ended);      // every few milliseconds
//
// What was ended is logged at once and added to `ended`, whose peers are told of later. Thread: one
// at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/net/connection.h"
#include "coordinator/net/guard.h"

namespace isocost::net {

inline constexpr std::array kDoors = {Door::kSession, Door::kArtifacts};

class Connections {
 public:
  using Time = Connection::Time;
  using Ended = std::vector<Expelled>;

  Connections(const GuardLimits& limits, log::Log& log) : limits_(limits), log_(log) {}

  // Which port a door is: what a descriptor is held against.
  void open(Door door, std::uint16_t port) { at(door).port = port; }
  // Null: it is none that is known.
  [[nodiscard]] Connection* find(Door door, int descriptor);
  // A message may be here before the monitor's word of its connection. Null: it ended meanwhile.
  [[nodiscard]] Connection* known_or_new(Door door, int descriptor, Time now);
  void accepted(Door door, int descriptor, Time now, Ended& ended);
  // A whole message of `bytes` was taken from it.
  void took(Door door, int descriptor, Connection& connection, std::size_t bytes, Time now);
  // No whole message waits at this door.
  void emptied(Door door);
  void end(Door door, Connection& connection, log::Incident why, const std::string& what,
           Ended& ended);
  // All of a key.
  void end_key(const std::string& key, const std::string& what, Ended& ended);
  // A key may have a few connections: a session, artifacts, and those that are ending.
  void bound_key(const std::string& key, Ended& ended);
  // Lets it go where libzmq has closed it, and says why where neither side ended it in order.
  void leave_if_gone(Door door, int descriptor, Time now);
  // Asks the kernel of each, and keeps the bounds. Whether many bytes flow.
  [[nodiscard]] bool look(Time now, Ended& ended);
  [[nodiscard]] std::size_t count() const;

 private:
  struct DoorState {
    std::uint16_t port = 0;
    std::map<int, Connection> connections{};  // by libzmq's descriptor
    std::set<int> taken_from{};               // since it was last empty
  };
  // Bytes, and whose they are.
  using Shares = std::vector<std::pair<std::uint64_t, std::pair<Door, Connection*>>>;

  DoorState& at(Door door) { return doors_[static_cast<std::size_t>(door)]; }
  Connection& add(DoorState& door, int descriptor, Connection connection);
  template <class Body>
  void for_each(const Body& body) {
    for (const Door door : kDoors)
      for (auto& [unused, connection] : at(door).connections) body(door, connection);
  }
  void make_room(Ended& ended);
  [[nodiscard]] bool bound_bytes(Time now, Ended& ended);
  // While all together have too much, who has most of it goes.
  void bound_sum(Shares shares, log::Incident why, const char* what, Ended& ended);
  void bound_times(Time now, Ended& ended);

  GuardLimits limits_;
  log::Log& log_;
  std::array<DoorState, kDoors.size()> doors_{};
  std::uint64_t accepted_ = 0;
};

}  // namespace isocost::net

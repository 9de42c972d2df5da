// Watches the connections of the coordinator's sockets from beside them, and ends those that take
// more than their share. For the sources of coordinator/net alone.
//
//   Guard guard(context, limits, log, [](const Expelled& who) { ... });   // must not block
//   guard.watch(Door::kSession, socket, port);       // after it is bound
//   guard.start();                                   // a thread of its own
//   if (!guard.took(Door::kSession, message)) ...    // each message; false: ignore it
//   guard.emptied(Door::kSession);                   // nothing whole waits to be taken
//
// libzmq bounds a frame and counts messages. It bounds no message of many frames, no peer and no
// sum in bytes, and accepts until the process has no descriptor left. The guard learns of every
// connection (a monitor), holds a descriptor of its own to it, and asks the kernel how many bytes
// came in and went out. It knows from the sockets' threads which bytes were taken, so what lies
// between is what libzmq holds for that peer. A connection ends by shutdown() of its descriptor:
// libzmq sees an end of file. Bounds are looked at every few milliseconds while bytes flow, so they
// hold but for what arrives in that time.
//
// A connection has a limit of time to say something that counts (greeted), to take what it asked
// for, and, at the artifacts' door, to ask for something again. When there are too many, the oldest
// that said nothing yet goes first; nobody who works is put out by those who only connect.
//
// Thread: any, but where a method says which.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "coordinator/log/log.h"

namespace isocost::net {

enum class Door : std::size_t { kSession = 0, kArtifacts = 1 };

struct GuardLimits {
  std::size_t connections_max = 1000;  // of both doors
  std::size_t connections_per_key_max = 16;
  std::size_t peer_bytes_max = std::size_t{16} << 20U;  // that came and were not taken
  std::size_t all_bytes_max = std::size_t{64} << 20U;
  std::size_t unread_bytes_max = std::size_t{16} << 20U;  // said to a peer that it does not take
  std::chrono::milliseconds greeting_max{10'000};  // from connecting to a message that counts
  std::chrono::milliseconds stall_max{10'000};     // without taking any of what it is sent
  std::chrono::milliseconds idle_max{600'000};     // at the artifacts' door
};

// A connection that was ended.
struct Expelled {
  Door door = Door::kSession;
  std::string peer;  // its routing id; empty: it never said anything
  log::Incident why = log::Incident::kEvicted;
};

class Guard {
 public:
  // Called on whatever thread ended the connection.
  using OnExpelled = std::function<void(const Expelled& who)>;

  Guard(zmq::context_t& context, const GuardLimits& limits, log::Log& log, OnExpelled on_expelled);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Requires: before start(), once a door.
  void watch(Door door, zmq::socket_t& socket, std::uint16_t port);
  void start();
  // No more is watched. Requires: nobody uses the sockets now, and they are not closed yet.
  void stop();

  // A whole message of `bytes` was taken from the connection `descriptor` (ZMQ_SRCFD). False: that
  // connection was ended, and what it said counts no more.
  [[nodiscard]] bool took(Door door, int descriptor, const std::string& peer,
                          const std::string& key, std::size_t bytes);
  // No whole message waits at this door.
  void emptied(Door door);
  // It said what only a peer of this protocol says. `name` is for the log.
  void greeted(Door door, int descriptor, const std::string& name);
  void gave(Door door, int descriptor, std::size_t bytes);
  // Counts and logs; the connection goes on.
  void tell(Door door, int descriptor, log::Incident why, const std::string& what);
  // The same, and ends the connection.
  void expel(Door door, int descriptor, log::Incident why, const std::string& what);
  void expel_key(const std::string& key, const std::string& what);
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::net

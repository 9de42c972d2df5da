// A worker's connection: one DEALER socket, one TCP connection, one session.
//
//   link.connect();                 // a fresh socket with a fresh random routing id
//   zmq::poll(link.poll_items()...) // by the owner
//   for (agent::Event& event : link.events()) ...
//
// The socket never reconnects by itself: a coordinator would not know that a new connection is the
// old session. When the connection ends, the link says so and the session decides when to connect
// again. Handshakes that fail for good (a key that is not listed, a wrong server key) are told in
// one sentence. Thread: one.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/transport/endpoint.h"
#include "schema/transport/keys.h"
#include "worker/agent/session.h"

namespace isocost::worker_net {

struct Peer {
  transport::Endpoint endpoint;
  // CURVE: this worker's keys and the coordinator's public key. Both or none.
  std::optional<transport::KeyPair> keys{};
  std::string server_key{};
};

class Link {
 public:
  explicit Link(Peer peer);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void connect();
  // Sends what is queued (for half a second at most), then closes.
  void disconnect();
  void send(const wire::Message& message);
  // Waits until something arrives, `wake` becomes readable or the time is over.
  void wait(std::chrono::milliseconds limit, const std::vector<int>& wake);
  // What happened since the last call; never blocks.
  [[nodiscard]] std::vector<agent::Event> events();

 private:
  struct Sockets;
  void read_monitor(std::vector<agent::Event>& events);
  void read_messages(std::vector<agent::Event>& events);

  Peer peer_;
  std::unique_ptr<Sockets> sockets_;
  int vague_failures_ = 0;  // handshakes that failed without a reason, in a row
};

}  // namespace isocost::worker_net

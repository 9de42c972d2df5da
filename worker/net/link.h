// A worker's connection: one DEALER socket, one TCP connection, one session.
//
//   link.connect();                       // a fresh socket with a fresh random routing id
//   link.wait(limit, {wake...});
//   for (agent::Event& event : link.events()) ...
//
// A name may stand for several addresses: they are tried one after the other, and only when none
// answers is the connection lost, with every address and what became of it in one sentence.
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

#include "base/transport/endpoint.h"
#include "base/transport/keys.h"
#include "worker/agent/session.h"
#include "worker/net/resolver.h"

namespace zmq {
class context_t;  // NOLINT(readability-identifier-naming): the library's name
}

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
  // Closes; what is queued is still sent meanwhile, for two seconds at most.
  void disconnect();
  // The same, and returns when it is sent. The end: nothing connects any more.
  void leave();
  void send(const wire::Message& message);
  // Waits until something arrives, `wake` becomes readable or the time is over.
  void wait(std::chrono::milliseconds limit, const std::vector<int>& wake);
  // What happened since the last call; never blocks.
  [[nodiscard]] std::vector<agent::Event> events();
  // The peer at the address that answered: where everything else of it is, too.
  [[nodiscard]] Peer peer() const;

 private:
  struct Sockets;
  // An address that did not answer, or answered as no coordinator does.
  struct Tried {
    std::string text;
    bool is_refusal = false;  // it will not change by itself
  };
  void read_addresses(std::vector<agent::Event>& events);
  void try_next(std::vector<agent::Event>& events);
  void failed_here(std::string what, bool is_refusal);
  void read_monitor(std::vector<agent::Event>& events);
  void closed(std::vector<agent::Event>& events);
  void read_messages(std::vector<agent::Event>& events);

  Peer peer_;
  std::unique_ptr<zmq::context_t> context_;  // its own, since it ends before the process does
  Resolver resolver_;
  std::vector<transport::Endpoint> addresses_;  // of this round, those behind `next_` untried
  std::size_t next_ = 0;
  std::vector<Tried> tried_;
  std::unique_ptr<Sockets> sockets_;
  int vague_failures_ = 0;  // rounds whose handshakes failed without a reason, in a row
};

}  // namespace isocost::worker_net

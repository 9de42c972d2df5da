// What both ROUTER sockets of the coordinator share: options, binding, frames. For the sources of
// coordinator/net alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "base/result.h"
#include "base/transport/endpoint.h"
#include "base/transport/keys.h"
#include "base/transport/socket_options.h"

namespace isocost::net {

// A message with whom it is from.
struct Arrival {
  std::string peer;       // its routing id
  std::string key;        // of the peer, in Z85; empty without CURVE
  int descriptor = -1;    // libzmq's, of the connection that it came over
  std::size_t bytes = 0;  // of all its frames
  std::size_t frames = 0;
  zmq::message_t payload;

  // Whether it has the form [routing id, payload]; nothing else of it is to be believed then.
  [[nodiscard]] bool is_formed() const;
};

enum class SendStatus { kSent, kFull, kUnreachable };

// A ROUTER bound to `endpoint`, which afterwards holds the port that it got; a name is bound at all
// its addresses. Fails with: port in use, no such address, a host that is not known.
[[nodiscard]] Result<zmq::socket_t> bind_router(zmq::context_t& context,
                                                transport::Endpoint& endpoint,
                                                const std::optional<transport::KeyPair>& keys,
                                                const transport::SocketLimits& limits);

// The next message that waits.
[[nodiscard]] std::optional<Arrival> receive(zmq::socket_t& socket);

// As zmq::poll. A signal, or a process that was stopped and goes on, only ends the waiting.
void wait_for(zmq::pollitem_t* items, std::size_t count, std::chrono::milliseconds limit);

// Never blocks. kFull: the peer takes less than it is sent.
[[nodiscard]] SendStatus send_to(zmq::socket_t& socket, const std::string& peer,
                                 const std::string& payload);

}  // namespace isocost::net

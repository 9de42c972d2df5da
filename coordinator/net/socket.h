// What both ROUTER sockets of the coordinator share: options, binding, frames. For the sources of
// coordinator/net alone.
#pragma once

#include <optional>
#include <string>
#include <zmq.hpp>

#include "schema/result.h"
#include "schema/transport/endpoint.h"
#include "schema/transport/keys.h"

namespace isocost::net {

// A frame with whom it is from. `user` is the name of the peer's key file; empty without CURVE.
struct Arrival {
  std::string peer;
  std::string user;
  zmq::message_t payload;
};

enum class SendOutcome { kSent, kUnreachable };

// A ROUTER bound to `endpoint`, which afterwards holds the port that it got. Fails with: port in
// use, no such address.
[[nodiscard]] Result<zmq::socket_t> bind_router(zmq::context_t& context,
                                                transport::Endpoint& endpoint,
                                                const std::optional<transport::KeyPair>& keys,
                                                int send_queue_max);

// The next message that has the form [routing id, payload]; others are counted in `malformed` and
// skipped.
[[nodiscard]] std::optional<Arrival> receive(zmq::socket_t& socket, std::uint64_t& malformed);

// Never blocks: a peer whose queue is full is as good as gone, since credit keeps queues short.
[[nodiscard]] SendOutcome send_to(zmq::socket_t& socket, const std::string& peer,
                                  const std::string& payload);

}  // namespace isocost::net

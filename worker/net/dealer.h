// How both DEALER sockets of a worker are made. For the sources of worker/net alone.
#pragma once

#include <string>
#include <zmq.hpp>

#include "worker/net/link.h"

namespace isocost::worker_net {

// Of the process: sockets of all threads share it.
[[nodiscard]] zmq::context_t& context();

// Not yet connected: `port` replaces the peer's where it is not 0.
[[nodiscard]] zmq::socket_t make_dealer(const Peer& peer, const std::string& routing_id);
void connect_dealer(zmq::socket_t& socket, const Peer& peer, std::uint16_t port = 0);

}  // namespace isocost::worker_net

// How both DEALER sockets of a worker are made. For the sources of worker/net alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <zmq.hpp>

#include "worker/net/link.h"

namespace isocost::worker_net {

// Of the process: the sockets for artifacts of all threads share it.
[[nodiscard]] zmq::context_t& context();

// Not yet connected.
[[nodiscard]] zmq::socket_t make_dealer(zmq::context_t& context, const Peer& peer,
                                        const std::string& routing_id);
// As zmq::poll. A signal, or a process that was stopped and goes on, only ends the waiting.
void wait_for(zmq::pollitem_t* items, std::size_t count, std::chrono::milliseconds limit);

}  // namespace isocost::worker_net

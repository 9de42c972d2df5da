// What the sockets of both ends of the wire have in common.
//
//   zmq::socket_t socket(context, zmq::socket_type::dealer);
//   transport::set_common_options(socket, {.send_queue_max = 1000});
//   transport::set_client_keys(socket, keys, server_key);        // CURVE, where there are keys
//
// Before the socket binds or connects. Thread: the socket's.
#pragma once

#include <cstdint>
#include <string>

#include "base/transport/keys.h"

namespace zmq {
class socket_t;  // NOLINT(readability-identifier-naming)
}

namespace isocost::transport {

struct SocketLimits {
  int send_queue_max = 1000;  // messages a peer
  int receive_queue_max = 1000;
  // Of a frame; libzmq ends a connection that sends a larger one, unread and without a word.
  std::int64_t frame_bytes_max = std::int64_t{16} << 20;
};

// Message size, queues, time limits, and heartbeats that find dead connections (the session's own
// heartbeat finds hung processes).
void set_common_options(zmq::socket_t& socket, const SocketLimits& limits);

// Asks the ZAP handler of this domain about every key. Without a domain libzmq asks nobody and lets
// every key in.
void set_server_keys(zmq::socket_t& socket, const KeyPair& keys, const std::string& zap_domain);
void set_client_keys(zmq::socket_t& socket, const KeyPair& keys, const std::string& server_key);

}  // namespace isocost::transport

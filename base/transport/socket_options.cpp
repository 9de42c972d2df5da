#include "base/transport/socket_options.h"

#include <zmq.hpp>

namespace isocost::transport {
namespace {

constexpr int kLingerMs = 500;
constexpr int kHandshakeMs = 5000;
constexpr int kHeartbeatMs = 10'000;
constexpr int kHeartbeatTimeoutMs = 30'000;

}  // namespace

void set_common_options(zmq::socket_t& socket, const SocketLimits& limits) {
  socket.set(zmq::sockopt::maxmsgsize, limits.frame_bytes_max);
  socket.set(zmq::sockopt::sndhwm, limits.send_queue_max);
  socket.set(zmq::sockopt::rcvhwm, limits.receive_queue_max);
  socket.set(zmq::sockopt::linger, kLingerMs);
  socket.set(zmq::sockopt::handshake_ivl, kHandshakeMs);
  socket.set(zmq::sockopt::heartbeat_ivl, kHeartbeatMs);
  socket.set(zmq::sockopt::heartbeat_timeout, kHeartbeatTimeoutMs);
  socket.set(zmq::sockopt::ipv6, true);
}

void set_server_keys(zmq::socket_t& socket, const KeyPair& keys, const std::string& zap_domain) {
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, keys.secret_key);
  socket.set(zmq::sockopt::zap_domain, zap_domain);
}

void set_client_keys(zmq::socket_t& socket, const KeyPair& keys, const std::string& server_key) {
  socket.set(zmq::sockopt::curve_publickey, keys.public_key);
  socket.set(zmq::sockopt::curve_secretkey, keys.secret_key);
  socket.set(zmq::sockopt::curve_serverkey, server_key);
}

}  // namespace isocost::transport

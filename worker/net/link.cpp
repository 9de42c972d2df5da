#include "worker/net/link.h"

#include <fmt/format.h>

#include <cstring>
#include <zmq.hpp>

#include "schema/transport/random_name.h"
#include "schema/transport/socket_options.h"
#include "schema/wire/codec.h"
#include "worker/net/dealer.h"

namespace isocost::worker_net {
namespace {

constexpr int kConnectMs = 5000;
constexpr int kNeverReconnect = -1;
// A handshake may break because the other side just died; so often in a row it is the key.
constexpr int kVagueFailuresMax = 4;

}  // namespace

zmq::context_t& context() {
  static zmq::context_t context(1);
  return context;
}

zmq::socket_t make_dealer(const Peer& peer, const std::string& routing_id) {
  zmq::socket_t socket(context(), zmq::socket_type::dealer);
  socket.set(zmq::sockopt::routing_id, routing_id);
  socket.set(zmq::sockopt::reconnect_ivl, kNeverReconnect);
  socket.set(zmq::sockopt::connect_timeout, kConnectMs);
  transport::set_common_options(socket, {});
  if (peer.keys) transport::set_client_keys(socket, *peer.keys, peer.server_key);
  return socket;
}

void connect_dealer(zmq::socket_t& socket, const Peer& peer, std::uint16_t port) {
  transport::Endpoint endpoint = peer.endpoint;
  if (port != 0) endpoint.port = port;
  socket.connect(endpoint.text());
}

struct Link::Sockets {
  std::string session;
  zmq::socket_t dealer;
  zmq::socket_t monitor;
  bool is_lost = false;

  Sockets(const Peer& peer, std::string name)
      : session(std::move(name)), dealer(make_dealer(peer, session)) {
    const std::string address = "inproc://monitor-" + session;
    zmq_socket_monitor(dealer.handle(), address.c_str(), ZMQ_EVENT_ALL);
    monitor = zmq::socket_t(context(), zmq::socket_type::pair);
    monitor.set(zmq::sockopt::linger, 0);
    monitor.connect(address);
  }
  ~Sockets() { zmq_socket_monitor(dealer.handle(), nullptr, 0); }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
};

Link::Link(Peer peer) : peer_(std::move(peer)) {}
Link::~Link() = default;

void Link::connect() {
  sockets_ = std::make_unique<Sockets>(peer_, transport::random_name());
  connect_dealer(sockets_->dealer, peer_);
}

void Link::disconnect() { sockets_.reset(); }

void Link::send(const wire::Message& message) {
  if (!sockets_) return;
  const std::string bytes = wire::encode(message);
  // A full queue means that the other side reads no more: as good as gone.
  if (!sockets_->dealer.send(zmq::buffer(bytes), zmq::send_flags::dontwait))
    sockets_->is_lost = true;
}

void Link::wait(std::chrono::milliseconds limit, const std::vector<int>& wake) {
  std::vector<zmq::pollitem_t> items;
  for (const int descriptor : wake) items.push_back({nullptr, descriptor, ZMQ_POLLIN, 0});
  if (sockets_) {
    items.push_back({sockets_->dealer.handle(), 0, ZMQ_POLLIN, 0});
    items.push_back({sockets_->monitor.handle(), 0, ZMQ_POLLIN, 0});
    if (sockets_->is_lost) limit = std::chrono::milliseconds(0);
  }
  zmq::poll(items.data(), items.size(), limit);
}

std::vector<agent::Event> Link::events() {
  std::vector<agent::Event> events;
  if (!sockets_) return events;
  // Messages first: what the coordinator said before it went counts.
  read_messages(events);
  read_monitor(events);
  if (std::exchange(sockets_->is_lost, false))
    events.push_back(agent::ConnectionLost{"its queue is full"});
  return events;
}

void Link::read_messages(std::vector<agent::Event>& events) {
  zmq::message_t frame;
  while (sockets_->dealer.recv(frame, zmq::recv_flags::dontwait)) {
    // A malformed message is dropped: the coordinator is believed no more than a worker.
    if (auto message = wire::decode(frame.to_string_view()))
      events.push_back(agent::Received{std::move(*message)});
  }
}

void Link::read_monitor(std::vector<agent::Event>& events) {
  zmq::message_t head, address;
  while (sockets_->monitor.recv(head, zmq::recv_flags::dontwait)) {
    [[maybe_unused]] const auto second = sockets_->monitor.recv(address, zmq::recv_flags::dontwait);
    if (head.size() < 6) continue;
    std::uint16_t event = 0;
    std::uint32_t value = 0;
    std::memcpy(&event, head.data(), sizeof event);
    std::memcpy(&value, head.data<char>() + sizeof event, sizeof value);
    switch (event) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        vague_failures_ = 0;
        events.push_back(agent::Connected{sockets_->session});
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        events.push_back(
            agent::Refused{fmt::format("{}: the coordinator does not know this worker's key (ZAP "
                                       "status {}); expected its public key in the "
                                       "coordinator's folder of allowed keys",
                                       peer_.endpoint.text(), value)});
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        events.push_back(
            agent::Refused{fmt::format("{}: the handshake failed; expected the coordinator's own "
                                       "public key as --server-key, and keys on both sides or on "
                                       "neither",
                                       peer_.endpoint.text())});
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        if (++vague_failures_ >= kVagueFailuresMax)
          events.push_back(agent::Refused{
              fmt::format("{}: the handshake failed {} times; expected the coordinator's own "
                          "public key as --server-key, and keys on both "
                          "sides or on neither",
                          peer_.endpoint.text(), vague_failures_)});
        break;
      case ZMQ_EVENT_DISCONNECTED:
      case ZMQ_EVENT_CLOSED:
        events.push_back(agent::ConnectionLost{"the connection ended"});
        break;
      default:
        break;
    }
  }
}

}  // namespace isocost::worker_net

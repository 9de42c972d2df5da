#include "worker/net/link.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <zmq.hpp>

#include "base/transport/random_name.h"
#include "base/transport/socket_options.h"
#include "schema/wire/codec.h"
#include "worker/net/dealer.h"

namespace isocost::worker_net {
namespace {

constexpr int kConnectMs = 5000;
constexpr int kInputOutputThreads = 1;
constexpr int kNeverReconnect = -1;
constexpr int kLastWordsMs = 2000;
// A handshake may break because the other side just died; so often in a row it is the key.
constexpr int kVagueFailuresMax = 4;
constexpr std::chrono::milliseconds kAlmost{500};
constexpr const char* kHandshakeFailed =
    "the handshake failed; expected the coordinator's own public key as --server-key, and keys on "
    "both sides or on neither";

}  // namespace

zmq::context_t& context() {
  static zmq::context_t context(1);
  return context;
}

zmq::socket_t make_dealer(zmq::context_t& context, const Peer& peer,
                          const std::string& routing_id) {
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::routing_id, routing_id);
  socket.set(zmq::sockopt::reconnect_ivl, kNeverReconnect);
  socket.set(zmq::sockopt::connect_timeout, kConnectMs);
  transport::set_common_options(socket, {});
  if (peer.keys) transport::set_client_keys(socket, *peer.keys, peer.server_key);
  return socket;
}

void wait_for(zmq::pollitem_t* items, std::size_t count, std::chrono::milliseconds limit) {
  if (zmq_poll(items, static_cast<int>(count), static_cast<long>(limit.count())) >= 0) return;
  if (zmq_errno() != EINTR) throw zmq::error_t();
  for (std::size_t i = 0; i < count; ++i) items[i].revents = 0;
}

struct Link::Sockets {
  std::string session;
  transport::Endpoint address;
  zmq::socket_t dealer;
  zmq::socket_t monitor;
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  bool is_connected = false;      // TCP
  bool is_established = false;    // with its handshake
  bool is_lost = false;           // once established
  std::optional<Tried> failed{};  // before that

  Sockets(zmq::context_t& context, const Peer& peer, transport::Endpoint at, std::string name)
      : session(std::move(name)),
        address(std::move(at)),
        dealer(make_dealer(context, peer, session)) {
    dealer.set(zmq::sockopt::linger, kLastWordsMs);
    const std::string where = "inproc://monitor-" + session;
    zmq_socket_monitor(dealer.handle(), where.c_str(), ZMQ_EVENT_ALL);
    monitor = zmq::socket_t(context, zmq::socket_type::pair);
    monitor.set(zmq::sockopt::linger, 0);
    monitor.connect(where);
    dealer.connect(address.text());
  }
  ~Sockets() { zmq_socket_monitor(dealer.handle(), nullptr, 0); }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
};

Link::Link(Peer peer)
    : peer_(std::move(peer)), context_(std::make_unique<zmq::context_t>(kInputOutputThreads)) {}
Link::~Link() = default;

void Link::connect() {
  sockets_.reset();
  addresses_.clear();
  tried_.clear();
  next_ = 0;
  resolver_.start(peer_.endpoint);
}

void Link::disconnect() {
  sockets_.reset();
  addresses_.clear();
  next_ = 0;
}

// Processes end without waiting for what still computes in them: a goodbye on its way would be
// lost, and its units taken for lost.
void Link::leave() {
  disconnect();
  context_->close();
}

Peer Link::peer() const {
  Peer peer = peer_;
  if (sockets_) peer.endpoint = sockets_->address;
  return peer;
}

void Link::send(const wire::Message& message) {
  if (!sockets_) return;
  const std::string bytes = wire::encode(message);
  // A full queue means that the other side reads no more: as good as gone.
  if (!sockets_->dealer.send(zmq::buffer(bytes), zmq::send_flags::dontwait))
    sockets_->is_lost = true;
}

void Link::wait(std::chrono::milliseconds limit, const std::vector<int>& wake) {
  std::vector<zmq::pollitem_t> items;
  items.reserve(wake.size() + 2);
  for (const int descriptor : wake) items.push_back({nullptr, descriptor, ZMQ_POLLIN, 0});
  if (resolver_.descriptor() >= 0)
    items.push_back({nullptr, resolver_.descriptor(), ZMQ_POLLIN, 0});
  if (sockets_) {
    items.push_back({sockets_->dealer.handle(), 0, ZMQ_POLLIN, 0});
    items.push_back({sockets_->monitor.handle(), 0, ZMQ_POLLIN, 0});
    if (sockets_->is_lost) limit = std::chrono::milliseconds(0);
  }
  wait_for(items.data(), items.size(), limit);
}

std::vector<agent::Event> Link::events() {
  std::vector<agent::Event> events;
  read_addresses(events);
  if (!sockets_) return events;
  // Messages first: what the coordinator said before it went counts.
  read_messages(events);
  read_monitor(events);
  if (sockets_->failed) {
    tried_.push_back(std::move(*sockets_->failed));
    sockets_.reset();
    try_next(events);
  } else if (std::exchange(sockets_->is_lost, false)) {
    events.push_back(agent::ConnectionLost{"its queue is full"});
  }
  return events;
}

void Link::read_addresses(std::vector<agent::Event>& events) {
  auto answer = resolver_.take();
  if (!answer) return;
  if (!*answer) {
    events.push_back(agent::ConnectionLost{answer->error().message()});
    return;
  }
  addresses_ = std::move(**answer);
  try_next(events);
}

// The next address, or the end of the round when there is none.
void Link::try_next(std::vector<agent::Event>& events) {
  if (next_ < addresses_.size()) {
    sockets_ =
        std::make_unique<Sockets>(*context_, peer_, addresses_[next_++], transport::random_name());
    return;
  }
  std::string text;
  for (const Tried& tried : tried_)
    if (!tried.text.empty()) text += (text.empty() ? "" : "; ") + tried.text;
  if (addresses_.size() > 1 && !text.empty()) text = peer_.endpoint.text() + ": " + text;
  // Where somebody else listens at one address, the coordinator may still come to another.
  const bool is_refused = std::ranges::all_of(tried_, &Tried::is_refusal);
  if (is_refused && !tried_.empty())
    events.push_back(agent::Refused{std::move(text)});
  else
    events.push_back(agent::ConnectionLost{std::move(text)});
}

void Link::read_messages(std::vector<agent::Event>& events) {
  zmq::message_t frame;
  while (sockets_->dealer.recv(frame, zmq::recv_flags::dontwait)) {
    // A malformed message is dropped: the coordinator is believed no more than a worker.
    if (auto message = wire::decode(frame.to_string_view(), wire::Sender::kCoordinator))
      events.push_back(agent::Received{std::move(*message)});
  }
}

void Link::failed_here(std::string what, bool is_refusal) {
  if (sockets_->failed && sockets_->failed->is_refusal) return;  // the first reason is the reason
  if (!what.empty()) what = sockets_->address.text() + ": " + what;
  sockets_->failed = Tried{std::move(what), is_refusal};
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
      case ZMQ_EVENT_CONNECTED:
        sockets_->is_connected = true;
        break;
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        vague_failures_ = 0;
        sockets_->is_established = true;
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
        failed_here(kHandshakeFailed, true);
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        // A handshake may break because the other side just died: nothing is said of it until it
        // is known, which is a few tries later.
        ++vague_failures_;
        failed_here(vague_failures_ >= kVagueFailuresMax ? kHandshakeFailed : "",
                    vague_failures_ >= kVagueFailuresMax);
        break;
      case ZMQ_EVENT_DISCONNECTED:
      case ZMQ_EVENT_CLOSED:
        closed(events);
        break;
      default:
        break;
    }
  }
}

void Link::closed(std::vector<agent::Event>& events) {
  if (sockets_->is_established) {
    events.push_back(agent::ConnectionLost{"the connection ended"});
  } else if (sockets_->failed) {
    return;
  } else if (sockets_->is_connected) {
    failed_here("the connection ended before its handshake", false);
  } else {
    const auto waited = std::chrono::steady_clock::now() - sockets_->since;
    failed_here(waited < std::chrono::milliseconds(kConnectMs) - kAlmost
                    ? "nobody listens there"
                    : fmt::format("no answer within {} s", kConnectMs / 1000),
                false);
  }
}

}  // namespace isocost::worker_net

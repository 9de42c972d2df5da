#include "coordinator/net/router.h"

#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <zmq.hpp>

#include "base/io/atomic_file.h"
#include "base/text.h"
#include "base/transport/keys.h"
#include "base/transport/random_name.h"
#include "base/transport/wake.h"
#include "coordinator/net/allow_list.h"
#include "coordinator/net/artifact_server.h"
#include "coordinator/net/guard.h"
#include "coordinator/net/intake.h"
#include "coordinator/net/socket.h"
#include "coordinator/net/zap.h"
#include "schema/wire/codec.h"

namespace isocost::net {
namespace {

// A peer that sends faster than its messages are taken waits, by TCP's own means; the guard bounds
// its bytes.
constexpr transport::SocketLimits kSessionLimits{.send_queue_max = 1000, .receive_queue_max = 64};
// The rest of what a peer asked for waits in the artifact server, where it costs nothing.
constexpr transport::SocketLimits kArtifactLimits{.send_queue_max = 4, .receive_queue_max = 64};
constexpr int kReceivedAtOnceMax = 256;  // before the outbox is looked at again
constexpr std::chrono::milliseconds kRoomPause{5};
// One thread: what arrives at once is bounded by how fast it reads.
constexpr int kInputOutputThreads = 1;

// The folder's nonce, made once: what a worker reads there proves that it is the same folder.
std::string nonce_of(const io::ArtifactStore& store) {
  const std::filesystem::path file = store.root() / "nonce";
  if (auto text = io::read_file(file, kNameBytesMax); text && is_name(*text)) return *text;
  std::string text = transport::random_name();
  std::filesystem::create_directories(store.root());
  io::write_file_atomically(file, text);
  return text;
}

struct Security {
  std::optional<transport::KeyPair> keys;
  std::filesystem::path allow_folder;
};

Result<Security> security_of(const RouterOptions& options,
                             const std::vector<transport::Endpoint>& endpoints) {
  if (options.secret_file.empty() != options.allow_folder.empty())
    return fail("keys",
                "only one of the coordinator's secret and the folder of its workers' keys is given",
                "both or none");
  if (options.secret_file.empty()) {
    for (const transport::Endpoint& endpoint : endpoints) {
      if (!endpoint.is_loopback())
        return fail(endpoint.text(),
                    "it is reachable from other machines, where plain TCP is not allowed",
                    "an address on loopback, or keys: see isocost keys generate");
    }
    return Security{};
  }
  Failure failure;
  auto keys = transport::read_secret(options.secret_file);
  if (!keys) failure.add(keys.error());
  if (const auto allowed = transport::read_allow_list(options.allow_folder); !allowed)
    failure.add(allowed.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  return Security{*keys, options.allow_folder};
}

log::Log& silent_log() {
  static log::Log log({.is_silent = true});
  return log;
}

}  // namespace

class Router::Impl {
 public:
  Impl(const RouterOptions& options, Inbox& inbox)
      : artifacts_(options.artifacts),
        inbox_(inbox),
        log_(options.log != nullptr ? *options.log : silent_log()),
        sessions_max_(options.connections_max),
        guard_(context_,
               GuardLimits{.connections_max = options.connections_max,
                           .greeting_max = options.patience,
                           .stall_max = options.patience},
               log_, [this](const Expelled& who) { expelled(who); }) {}

  ~Impl() {
    if (thread_.joinable()) {
      is_stopping_ = true;
      wake_.ring();
      thread_.join();
    }
    if (artifact_server_) artifact_server_->stop();
    guard_.stop();  // while its sockets are there
    artifact_server_.reset();
    socket_.close();
    zap_.reset();
    allowed_.reset();
  }

  Result<void> open(const RouterOptions& options) {
    auto endpoint = transport::parse_endpoint(options.endpoint);
    if (!endpoint) return fail(endpoint.error());
    auto bulk = options.artifact_endpoint.empty()
                    ? Result<transport::Endpoint>(transport::Endpoint{endpoint->host, 0})
                    : transport::parse_endpoint(options.artifact_endpoint);
    if (!bulk) return fail(bulk.error());
    auto security = security_of(options, {*endpoint, *bulk});
    if (!security) return fail(security.error());
    if (security->keys) {
      allowed_ = std::make_unique<AllowList>(
          security->allow_folder, log_, [this](const std::string& key, const std::string& name) {
            guard_.expel_key(key, "the key of " + name + " is not in the allow folder any more");
          });
      zap_ = std::make_unique<ZapHandler>(context_, *allowed_, log_);
    }

    auto socket = bind_router(context_, *endpoint, security->keys, kSessionLimits);
    if (!socket) return fail(socket.error());
    if (artifacts_ != nullptr) {
      auto bulk_socket = bind_router(context_, *bulk, security->keys, kArtifactLimits);
      if (!bulk_socket) return fail(bulk_socket.error());
      artifact_port_ = bulk->port;
      artifact_nonce_ = nonce_of(*artifacts_);
      guard_.watch(Door::kArtifacts, *bulk_socket, bulk->port);
      artifact_server_ = std::make_unique<ArtifactServer>(
          std::move(*bulk_socket), *artifacts_, guard_, allowed_.get(), options.patience,
          [this](const std::string& why) { inbox_.failed(why); });
    }
    socket_ = std::move(*socket);
    endpoint_ = *endpoint;
    intake_.emplace(inbox_, guard_, allowed_.get(), artifacts_, sessions_max_);
    guard_.watch(Door::kSession, socket_, endpoint_.port);
    guard_.start();
    if (artifact_server_) artifact_server_->start();
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void send(const std::string& peer, const wire::Message& message) {
    std::string bytes = wire::encode(message);
    {
      const std::scoped_lock lock(mutex_);
      outbox_.push_back({peer, std::move(bytes)});
    }
    wake_.ring();
  }

  [[nodiscard]] RouterCounters counters() const {
    const std::scoped_lock lock(mutex_);
    RouterCounters counters = counters_;
    if (zap_) counters.refused_keys = zap_->refused();
    return counters;
  }

  [[nodiscard]] const transport::Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] std::uint16_t artifact_port() const { return artifact_port_; }
  [[nodiscard]] const std::string& artifact_nonce() const { return artifact_nonce_; }
  [[nodiscard]] std::size_t connections() const { return guard_.connections(); }
  [[nodiscard]] std::vector<std::string> key_faults() const {
    return allowed_ ? allowed_->faults() : std::vector<std::string>();
  }

 private:
  struct Outgoing {
    std::string peer;
    std::string bytes;
  };

  // On whatever thread ended the connection.
  void expelled(const Expelled& who) {
    if (who.door != Door::kSession || who.peer.empty()) return;
    if (who.why == log::Incident::kRevokedKey)
      inbox_.revoked(who.peer);
    else
      inbox_.unreachable(who.peer);
  }

  void run() {
    try {
      std::array<zmq::pollitem_t, 2> items{
          {{nullptr, wake_.descriptor(), ZMQ_POLLIN, 0}, {socket_.handle(), 0, ZMQ_POLLIN, 0}}};
      while (!is_stopping_) {
        // While nobody takes what arrives, it stays with those who send it.
        const bool has_room = inbox_.room({}, 0) != Inbox::Room::kNoneForAll;
        wait_for(items.data(), has_room ? 2 : 1,
                 has_room ? std::chrono::milliseconds(-1) : kRoomPause);
        wake_.clear();
        send_all();
        if (has_room) receive_some();
      }
      send_all();
    } catch (const std::exception& fault) {
      inbox_.failed(std::string("the link to the workers: ") + fault.what());
    }
  }

  void send_all() {
    std::deque<Outgoing> outbox;
    {
      const std::scoped_lock lock(mutex_);
      outbox.swap(outbox_);
    }
    RouterCounters seen;
    for (const Outgoing& message : outbox) give(message.peer, message.bytes, seen);
    count(seen);
  }

  void give(const std::string& peer, const std::string& bytes, RouterCounters& seen) {
    switch (send_to(socket_, peer, bytes)) {
      case SendStatus::kSent: {
        ++seen.sent;
        if (const auto descriptor = intake_->descriptor_of(peer))
          guard_.gave(Door::kSession, *descriptor, bytes.size());
        return;
      }
      case SendStatus::kFull:
        if (const auto descriptor = intake_->descriptor_of(peer))
          guard_.expel(Door::kSession, *descriptor, log::Incident::kStalled,
                       "its queue of messages is full");
        [[fallthrough]];
      case SendStatus::kUnreachable:
        ++seen.unreachable;
        intake_->forget(peer);
        inbox_.unreachable(peer);
    }
  }

  void receive_some() {
    RouterCounters seen;
    for (int i = 0; i < kReceivedAtOnceMax; ++i) {
      auto arrival = receive(socket_);
      if (!arrival) {
        guard_.emptied(Door::kSession);
        break;
      }
      ++seen.received;
      const bool counts = guard_.took(Door::kSession, arrival->descriptor, arrival->peer,
                                      arrival->key, arrival->bytes);
      if (const auto answer = counts ? intake_->take(*arrival, seen) : std::nullopt)
        give(arrival->peer, wire::encode(*answer), seen);
      if (inbox_.room({}, 0) == Inbox::Room::kNoneForAll) break;
    }
    count(seen);
  }

  void count(const RouterCounters& seen) {
    const std::scoped_lock lock(mutex_);
    counters_.received += seen.received;
    counters_.sent += seen.sent;
    counters_.malformed += seen.malformed;
    counters_.unknown_kinds += seen.unknown_kinds;
    counters_.unreachable += seen.unreachable;
  }

  io::ArtifactStore* artifacts_;
  Inbox& inbox_;
  log::Log& log_;
  std::size_t sessions_max_;
  zmq::context_t context_{kInputOutputThreads};
  Guard guard_;
  std::unique_ptr<AllowList> allowed_;
  std::unique_ptr<ZapHandler> zap_;
  zmq::socket_t socket_;
  transport::Endpoint endpoint_;
  std::uint16_t artifact_port_ = 0;
  std::string artifact_nonce_;
  std::unique_ptr<ArtifactServer> artifact_server_;
  std::optional<Intake> intake_;  // of thread_

  mutable std::mutex mutex_;  // of outbox_ and counters_
  std::deque<Outgoing> outbox_;
  RouterCounters counters_;
  transport::Wake wake_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

Router::Router(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Router::~Router() = default;

Result<std::unique_ptr<Router>> Router::open(const RouterOptions& options, Inbox& inbox) {
  auto impl = std::make_unique<Impl>(options, inbox);
  if (auto opened = impl->open(options); !opened) return fail(opened.error());
  return std::unique_ptr<Router>(new Router(std::move(impl)));
}

void Router::send(const std::string& peer, const wire::Message& message) {
  impl_->send(peer, message);
}
transport::Endpoint Router::endpoint() const { return impl_->endpoint(); }
std::uint16_t Router::artifact_port() const { return impl_->artifact_port(); }
std::string Router::artifact_nonce() const { return impl_->artifact_nonce(); }
RouterCounters Router::counters() const { return impl_->counters(); }
std::size_t Router::connections() const { return impl_->connections(); }
std::vector<std::string> Router::key_faults() const { return impl_->key_faults(); }

}  // namespace isocost::net

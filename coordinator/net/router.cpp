#include "coordinator/net/router.h"

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <zmq.hpp>

#include "coordinator/net/artifact_server.h"
#include "coordinator/net/socket.h"
#include "coordinator/net/zap.h"
#include "schema/io/atomic_file.h"
#include "schema/transport/keys.h"
#include "schema/transport/random_name.h"
#include "schema/transport/wake.h"
#include "schema/wire/codec.h"

namespace isocost::net {
namespace {

constexpr int kSendQueueMax = 1000;      // messages a peer
constexpr int kBulkSendQueueMax = 64;    // chunks a peer: 16 MiB
constexpr int kReceivedAtOnceMax = 256;  // before the outbox is looked at again
constexpr int kInputOutputThreads = 2;

// The folder's nonce, made once: what a worker reads there proves that it is the same folder.
std::string nonce_of(const io::ArtifactStore& store) {
  const std::filesystem::path file = store.root() / "nonce";
  if (auto text = io::read_file(file, wire::kNameBytesMax); text && wire::is_name(*text))
    return *text;
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
  if (const auto names = transport::read_allow_list(options.allow_folder); !names)
    failure.add(names.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  return Security{*keys, options.allow_folder};
}

}  // namespace

class Router::Impl {
 public:
  Impl(const RouterOptions& options, Inbox& inbox) : artifacts_(options.artifacts), inbox_(inbox) {}

  ~Impl() {
    if (thread_.joinable()) {
      is_stopping_ = true;
      wake_.ring();
      thread_.join();
    }
    artifact_server_.reset();
    socket_.close();
    zap_.reset();
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
    if (security->keys) zap_ = std::make_unique<ZapHandler>(context_, security->allow_folder);

    auto socket = bind_router(context_, *endpoint, security->keys, kSendQueueMax);
    if (!socket) return fail(socket.error());
    if (artifacts_ != nullptr) {
      auto bulk_socket = bind_router(context_, *bulk, security->keys, kBulkSendQueueMax);
      if (!bulk_socket) return fail(bulk_socket.error());
      artifact_port_ = bulk->port;
      artifact_nonce_ = nonce_of(*artifacts_);
      artifact_server_ =
          std::make_unique<ArtifactServer>(std::move(*bulk_socket), *artifacts_,
                                           [this](const std::string& why) { inbox_.failed(why); });
    }
    socket_ = std::move(*socket);
    endpoint_ = *endpoint;
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

 private:
  struct Outgoing {
    std::string peer;
    std::string bytes;
  };

  void run() {
    std::array<zmq::pollitem_t, 2> items{
        {{socket_.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0}}};
    while (!is_stopping_) {
      zmq::poll(items.data(), items.size(), std::chrono::milliseconds(-1));
      wake_.clear();
      send_all();
      receive_some();
    }
    send_all();
  }

  void send_all() {
    std::deque<Outgoing> outbox;
    {
      const std::scoped_lock lock(mutex_);
      outbox.swap(outbox_);
    }
    RouterCounters seen;
    for (const Outgoing& message : outbox) {
      if (send_to(socket_, message.peer, message.bytes) == SendOutcome::kSent) {
        ++seen.sent;
      } else {
        ++seen.unreachable;
        inbox_.unreachable(message.peer);
      }
    }
    count(seen);
  }

  void receive_some() {
    RouterCounters seen;
    for (int i = 0; i < kReceivedAtOnceMax; ++i) {
      auto arrival = receive(socket_, seen.malformed);
      if (!arrival) break;
      ++seen.received;
      take(*arrival, seen);
    }
    count(seen);
  }

  void take(const Arrival& arrival, RouterCounters& seen) {
    auto message = wire::decode(arrival.payload.to_string_view());
    if (!message) {
      ++seen.malformed;
      // A peer of another version must be told, or it would wait for ever.
      reply(arrival.peer, wire::Reject{wire::RejectCode::kBadHello, message.error().message()});
      return;
    }
    if (std::holds_alternative<wire::Unknown>(*message)) {
      ++seen.unknown_kinds;
      return;
    }
    if (auto* hello = std::get_if<wire::Hello>(&*message)) {
      if (!arrival.user.empty()) hello->worker = arrival.user;
      if (hello->session != arrival.peer) {
        ++seen.malformed;
        return;
      }
    }
    if (const auto* result = std::get_if<wire::ResultMessage>(&*message);
        result != nullptr && is_missing(*result, arrival.peer))
      return;
    inbox_.arrived(arrival.peer, std::move(*message));
  }

  // An artifact is on disk for good before the result that names it is committed; here it is made
  // sure.
  bool is_missing(const wire::ResultMessage& message, const std::string& peer) {
    if (artifacts_ == nullptr) return false;
    wire::Ack ack{message.result.unit, message.attempt, wire::Verdict::kMissing, {}};
    for (const ArtifactRef& ref : message.result.artifacts) {
      if (!artifacts_->has(ref.digest)) ack.missing.push_back(ref.digest);
    }
    if (ack.missing.empty()) return false;
    reply(peer, ack);
    return true;
  }

  void reply(const std::string& peer, const wire::Message& message) {
    if (send_to(socket_, peer, wire::encode(message)) == SendOutcome::kUnreachable)
      inbox_.unreachable(peer);
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
  zmq::context_t context_{kInputOutputThreads};
  std::unique_ptr<ZapHandler> zap_;
  zmq::socket_t socket_;
  transport::Endpoint endpoint_;
  std::uint16_t artifact_port_ = 0;
  std::string artifact_nonce_;
  std::unique_ptr<ArtifactServer> artifact_server_;

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

}  // namespace isocost::net

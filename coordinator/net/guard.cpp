#include "coordinator/net/guard.h"

#include <array>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/transport/random_name.h"
#include "base/transport/wake.h"
#include "coordinator/net/connections.h"
#include "coordinator/net/socket.h"

namespace isocost::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Time = Connection::Time;

constexpr milliseconds kLookSeldom{50};
constexpr milliseconds kLookOften{5};

std::string door_name(Door door) { return door == Door::kSession ? "session" : "artifacts"; }

struct MonitorEvent {
  std::uint16_t number = 0;
  std::int32_t value = 0;
};

std::optional<MonitorEvent> next_event(zmq::socket_t& monitor) {
  zmq::message_t head, endpoint;
  if (!monitor.recv(head, zmq::recv_flags::dontwait)) return std::nullopt;
  [[maybe_unused]] const auto rest = monitor.recv(endpoint, zmq::recv_flags::dontwait);
  MonitorEvent event;
  if (head.size() < sizeof event.number + sizeof event.value) return event;
  std::memcpy(&event.number, head.data(), sizeof event.number);
  std::memcpy(&event.value, head.data<char>() + sizeof event.number, sizeof event.value);
  return event;
}

// What libzmq says of a door's connections.
struct Monitor {
  void* socket = nullptr;  // that is watched
  zmq::socket_t events{};
};

}  // namespace

class Guard::Impl {
 public:
  Impl(zmq::context_t& context, const GuardLimits& limits, log::Log& log, OnExpelled on_expelled)
      : context_(context),
        log_(log),
        on_expelled_(std::move(on_expelled)),
        connections_(limits, log) {}

  ~Impl() { stop(); }

  void stop() {
    is_stopping_ = true;
    wake_.ring();
    if (thread_.joinable()) thread_.join();
    for (Monitor& monitor : monitors_)
      if (void* socket = std::exchange(monitor.socket, nullptr); socket != nullptr)
        zmq_socket_monitor(socket, nullptr, 0);
  }

  void watch(Door which, zmq::socket_t& socket, std::uint16_t port) {
    const std::string address = "inproc://guard-" + transport::random_name();
    constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED |
                            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    if (zmq_socket_monitor(socket.handle(), address.c_str(), kEvents) != 0) throw zmq::error_t();
    connections_.open(which, port);
    Monitor& monitor = of(which);
    monitor.socket = socket.handle();
    monitor.events = zmq::socket_t(context_, zmq::socket_type::pair);
    monitor.events.set(zmq::sockopt::linger, 0);
    // Without a bound: libzmq's own thread would wait for who reads it. Who connects is bounded.
    monitor.events.set(zmq::sockopt::rcvhwm, 0);
    monitor.events.connect(address);
  }

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  bool took(Door which, int descriptor, const std::string& peer, const std::string& key,
            std::size_t bytes) {
    bool is_in = true;
    locked([&](std::vector<Expelled>& ended) {
      const Time now = steady_clock::now();
      Connection* connection = connections_.known_or_new(which, descriptor, now);
      if (connection == nullptr) return;  // it ended meanwhile; its last words may count
      connections_.took(which, descriptor, *connection, bytes, now);
      connection->peer = peer;
      if (std::exchange(connection->key, key) != key) connections_.bound_key(key, ended);
      is_in = !connection->is_expelled;
    });
    return is_in;
  }

  void emptied(Door which) {
    const std::lock_guard lock(mutex_);
    connections_.emptied(which);
  }

  void greeted(Door which, int descriptor, const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (Connection* connection = connections_.find(which, descriptor)) {
      connection->is_greeted = true;
      if (!name.empty()) connection->name = name;
    }
  }

  void gave(Door which, int descriptor, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (Connection* connection = connections_.find(which, descriptor))
      connection->gave(bytes, steady_clock::now());
  }

  void tell(Door which, int descriptor, log::Incident why, const std::string& what) {
    std::string who = "a peer";
    {
      const std::lock_guard lock(mutex_);
      if (const Connection* connection = connections_.find(which, descriptor))
        who = connection->who();
    }
    log_.tell(why, who, what);
  }

  void expel(Door which, int descriptor, log::Incident why, const std::string& what) {
    bool is_known = false;
    locked([&](std::vector<Expelled>& ended) {
      Connection* connection = connections_.find(which, descriptor);
      is_known = connection != nullptr;
      if (is_known) connections_.end(which, *connection, why, what, ended);
    });
    if (!is_known) log_.tell(why, "a peer", what);
  }

  void expel_key(const std::string& key, const std::string& what) {
    locked([&](std::vector<Expelled>& ended) { connections_.end_key(key, what, ended); });
  }

  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return connections_.count();
  }

 private:
  Monitor& of(Door door) { return monitors_[static_cast<std::size_t>(door)]; }

  // Who is told of what ended is told afterwards, without the lock.
  template <class Body>
  void locked(const Body& body) {
    std::vector<Expelled> ended;
    {
      const std::lock_guard lock(mutex_);
      body(ended);
    }
    for (const Expelled& who : ended) on_expelled_(who);
  }

  // --- of the guard's thread ---

  void run() {
    std::array<zmq::pollitem_t, 3> items{};
    std::size_t count = 0;
    for (Monitor& monitor : monitors_)
      if (monitor.socket != nullptr)
        items.at(count++) = zmq::pollitem_t{monitor.events.handle(), 0, ZMQ_POLLIN, 0};
    items.at(count++) = zmq::pollitem_t{nullptr, wake_.descriptor(), ZMQ_POLLIN, 0};
    milliseconds pause = kLookSeldom;
    while (!is_stopping_) {
      try {
        wait_for(items.data(), count, pause);
        pause = look();
      } catch (const std::exception& fault) {  // no memory: the next look may have some
        log_.note(std::string("the guard of the connections: ") + fault.what());
      }
    }
  }

  // Returns how soon to look again.
  milliseconds look() {
    bool is_busy = false;
    locked([&](std::vector<Expelled>& ended) {
      const Time now = steady_clock::now();
      for (const Door door : kDoors)
        if (of(door).socket != nullptr) take_events(door, now, ended);
      is_busy = connections_.look(now, ended);
    });
    return is_busy ? kLookOften : kLookSeldom;
  }

  void take_events(Door which, Time now, std::vector<Expelled>& ended) {
    while (const auto event = next_event(of(which).events)) {
      if (event->number == ZMQ_EVENT_ACCEPTED) {
        connections_.accepted(which, event->value, now, ended);
      } else if (event->number == ZMQ_EVENT_DISCONNECTED) {
        // Its number may be a new connection's by now, or not yet given back: look() will see.
        connections_.leave_if_gone(which, event->value, now);
      } else if (event->number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        log_.tell(log::Incident::kMalformed, "a peer",
                  "its handshake is none of this protocol, at the door of the " + door_name(which));
      } else if (event->number == ZMQ_EVENT_ACCEPT_FAILED) {
        log_.tell(log::Incident::kEvicted, "a peer",
                  std::string("it cannot be let in: ") + std::strerror(event->value));
      }
    }
  }

  zmq::context_t& context_;
  log::Log& log_;
  OnExpelled on_expelled_;
  mutable std::mutex mutex_;
  Connections connections_;  // of mutex_
  std::array<Monitor, kDoors.size()> monitors_;
  transport::Wake wake_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

Guard::Guard(zmq::context_t& context, const GuardLimits& limits, log::Log& log,
             OnExpelled on_expelled)
    : impl_(std::make_unique<Impl>(context, limits, log, std::move(on_expelled))) {}
Guard::~Guard() = default;

void Guard::watch(Door door, zmq::socket_t& socket, std::uint16_t port) {
  impl_->watch(door, socket, port);
}
void Guard::start() { impl_->start(); }
void Guard::stop() { impl_->stop(); }
bool Guard::took(Door door, int descriptor, const std::string& peer, const std::string& key,
                 std::size_t bytes) {
  return impl_->took(door, descriptor, peer, key, bytes);
}
void Guard::emptied(Door door) { impl_->emptied(door); }
void Guard::greeted(Door door, int descriptor, const std::string& name) {
  impl_->greeted(door, descriptor, name);
}
void Guard::gave(Door door, int descriptor, std::size_t bytes) {
  impl_->gave(door, descriptor, bytes);
}
void Guard::tell(Door door, int descriptor, log::Incident why, const std::string& what) {
  impl_->tell(door, descriptor, why, what);
}
void Guard::expel(Door door, int descriptor, log::Incident why, const std::string& what) {
  impl_->expel(door, descriptor, why, what);
}
void Guard::expel_key(const std::string& key, const std::string& what) {
  impl_->expel_key(key, what);
}
std::size_t Guard::connections() const { return impl_->connections(); }

}  // namespace isocost::net

#include "coordinator/net/guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/transport/random_name.h"
#include "base/transport/wake.h"
#include "coordinator/net/connection.h"
#include "coordinator/net/socket.h"

namespace isocost::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Time = Connection::Time;

constexpr milliseconds kLookSeldom{50};
constexpr milliseconds kLookOften{5};
constexpr std::uint64_t kManyBytes = 256U << 10U;  // between two looks: then the next comes soon
constexpr std::uint64_t kShareBytes = 1U << 20U;   // who has less is no cause of a full house
constexpr milliseconds kSilentAtClose{4'000};      // of a connection that libzmq ended for silence
constexpr std::array kDoors = {Door::kSession, Door::kArtifacts};

std::string door_name(Door door) { return door == Door::kSession ? "session" : "artifacts"; }

std::string mib(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1U << 20U));
}

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

struct DoorState {
  std::uint16_t port = 0;
  void* socket = nullptr;
  zmq::socket_t monitor{};
  std::map<int, Connection> connections{};  // by libzmq's descriptor
  std::set<int> taken_from{};               // since it was last empty
};

}  // namespace

class Guard::Impl {
 public:
  Impl(zmq::context_t& context, const GuardLimits& limits, log::Log& log, OnExpelled on_expelled)
      : context_(context), limits_(limits), log_(log), on_expelled_(std::move(on_expelled)) {}

  ~Impl() { stop(); }

  void stop() {
    is_stopping_ = true;
    wake_.ring();
    if (thread_.joinable()) thread_.join();
    for (DoorState& door : doors_)
      if (void* socket = std::exchange(door.socket, nullptr); socket != nullptr)
        zmq_socket_monitor(socket, nullptr, 0);
  }

  void watch(Door which, zmq::socket_t& socket, std::uint16_t port) {
    const std::string address = "inproc://guard-" + transport::random_name();
    constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED |
                            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    if (zmq_socket_monitor(socket.handle(), address.c_str(), kEvents) != 0) throw zmq::error_t();
    DoorState& door = at(which);
    door.socket = socket.handle();
    door.port = port;
    door.monitor = zmq::socket_t(context_, zmq::socket_type::pair);
    door.monitor.set(zmq::sockopt::linger, 0);
    // Without a bound: libzmq's own thread would wait for who reads it. Who connects is bounded.
    door.monitor.set(zmq::sockopt::rcvhwm, 0);
    door.monitor.connect(address);
  }

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  bool took(Door which, int descriptor, const std::string& peer, const std::string& key,
            std::size_t bytes) {
    std::vector<Expelled> expelled;
    bool is_in = true;
    {
      const std::lock_guard lock(mutex_);
      DoorState& door = at(which);
      Connection* known = known_or_new(door, descriptor);
      if (known == nullptr) return true;  // it ended meanwhile; its last words may count
      Connection& connection = *known;
      connection.took(bytes, steady_clock::now());
      door.taken_from.insert(descriptor);
      connection.peer = peer;
      if (connection.key != key) {
        connection.key = key;
        bound_key(key, expelled);
      }
      is_in = !connection.is_expelled;
    }
    tell_of(expelled);
    return is_in;
  }

  void emptied(Door which) {
    const std::lock_guard lock(mutex_);
    DoorState& door = at(which);
    for (const int descriptor : door.taken_from)
      if (const auto found = door.connections.find(descriptor); found != door.connections.end())
        found->second.emptied();
    door.taken_from.clear();
  }

  void greeted(Door which, int descriptor, const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (Connection* connection = find(which, descriptor)) {
      connection->is_greeted = true;
      if (!name.empty()) connection->name = name;
    }
  }

  void gave(Door which, int descriptor, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (Connection* connection = find(which, descriptor))
      connection->gave(bytes, steady_clock::now());
  }

  void tell(Door which, int descriptor, log::Incident why, const std::string& what) {
    std::string who = "a peer";
    {
      const std::lock_guard lock(mutex_);
      if (const Connection* connection = find(which, descriptor)) who = connection->who();
    }
    log_.tell(why, who, what);
  }

  void expel(Door which, int descriptor, log::Incident why, const std::string& what) {
    std::vector<Expelled> expelled;
    bool is_known = false;
    {
      const std::lock_guard lock(mutex_);
      Connection* connection = find(which, descriptor);
      is_known = connection != nullptr;
      if (connection != nullptr) end(which, *connection, why, what, expelled);
    }
    if (!is_known) log_.tell(why, "a peer", what);
    tell_of(expelled);
  }

  void expel_key(const std::string& key, const std::string& what) {
    std::vector<Expelled> expelled;
    {
      const std::lock_guard lock(mutex_);
      for_each([&](Door door, Connection& connection) {
        if (connection.key == key)
          end(door, connection, log::Incident::kRevokedKey, what, expelled);
      });
    }
    tell_of(expelled);
  }

  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return count();
  }

 private:
  DoorState& at(Door door) { return doors_[static_cast<std::size_t>(door)]; }

  Connection* find(Door which, int descriptor) {
    DoorState& door = at(which);
    const auto found = door.connections.find(descriptor);
    return found == door.connections.end() ? nullptr : &found->second;
  }

  // A message may be here before the monitor's word of its connection.
  Connection* known_or_new(DoorState& door, int descriptor) {
    const auto found = door.connections.find(descriptor);
    if (found != door.connections.end() &&
        found->second.now_at(descriptor) != Connection::Now::kAnother)
      return &found->second;
    auto connection = Connection::open(descriptor, door.port, steady_clock::now());
    if (!connection) return nullptr;
    return &add(door, descriptor, std::move(*connection));
  }

  Connection& add(DoorState& door, int descriptor, Connection connection) {
    door.connections.erase(descriptor);
    connection.order = ++accepted_;
    return door.connections.emplace(descriptor, std::move(connection)).first->second;
  }

  template <class Body>
  void for_each(const Body& body) {
    for (const Door door : kDoors)
      for (auto& [unused, connection] : at(door).connections) body(door, connection);
  }

  [[nodiscard]] std::size_t count() const {
    std::size_t count = 0;
    for (const DoorState& door : doors_) count += door.connections.size();
    return count;
  }

  // Of mutex_. Who is told of it is told later, without the lock.
  void end(Door door, Connection& connection, log::Incident why, const std::string& what,
           std::vector<Expelled>& expelled) {
    if (connection.is_expelled) return;
    connection.end();
    log_.tell(why, connection.who(), what);
    expelled.push_back({door, connection.peer, why});
  }

  void tell_of(const std::vector<Expelled>& expelled) {
    for (const Expelled& who : expelled) on_expelled_(who);
  }

  // --- of the guard's thread ---

  void run() {
    std::array<zmq::pollitem_t, 3> items{};
    std::size_t count = 0;
    for (DoorState& door : doors_)
      if (door.socket != nullptr)
        items.at(count++) = zmq::pollitem_t{door.monitor.handle(), 0, ZMQ_POLLIN, 0};
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
    std::vector<Expelled> expelled;
    bool is_busy = false;
    {
      const std::lock_guard lock(mutex_);
      const Time now = steady_clock::now();
      for (const Door door : kDoors)
        if (at(door).socket != nullptr) take_events(door, now, expelled);
      for (DoorState& door : doors_) leave_gone(door, now);
      is_busy = bound_bytes(now, expelled);
      bound_times(now, expelled);
    }
    tell_of(expelled);
    return is_busy ? kLookOften : kLookSeldom;
  }

  void take_events(Door which, Time now, std::vector<Expelled>& expelled) {
    DoorState& door = at(which);
    while (const auto event = next_event(door.monitor)) {
      if (event->number == ZMQ_EVENT_ACCEPTED) {
        accepted(which, event->value, now, expelled);
      } else if (event->number == ZMQ_EVENT_DISCONNECTED) {
        // Its number may be a new connection's by now, or not yet given back: look() will see.
        leave_if_gone(door, event->value, now);
      } else if (event->number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
        log_.tell(log::Incident::kMalformed, "a peer",
                  "its handshake is none of this protocol, at the door of the " + door_name(which));
      } else if (event->number == ZMQ_EVENT_ACCEPT_FAILED) {
        log_.tell(log::Incident::kEvicted, "a peer",
                  std::string("it cannot be let in: ") + std::strerror(event->value));
      }
    }
  }

  void accepted(Door which, int descriptor, Time now, std::vector<Expelled>& expelled) {
    DoorState& door = at(which);
    auto connection = Connection::open(descriptor, door.port, now);
    if (!connection) return;  // it is gone already
    const auto known = door.connections.find(descriptor);
    if (known != door.connections.end() && known->second.address() == connection->address())
      return;  // a message came first
    add(door, descriptor, std::move(*connection));
    if (count() > limits_.connections_max) make_room(expelled);
  }

  void make_room(std::vector<Expelled>& expelled) {
    Connection* chosen = nullptr;
    Door chosen_door{};
    const auto is_better = [](const Connection& a, const Connection& b) {
      if (a.is_greeted != b.is_greeted) return !a.is_greeted;
      // Of those that said nothing the oldest, of those that work the newest.
      return a.is_greeted ? a.order > b.order : a.order < b.order;
    };
    std::size_t open = 0;
    for_each([&](Door door, Connection& connection) {
      if (connection.is_expelled) return;
      ++open;
      if (chosen != nullptr && !is_better(connection, *chosen)) return;
      chosen = &connection;
      chosen_door = door;
    });
    if (chosen == nullptr || open <= limits_.connections_max) return;
    end(chosen_door, *chosen, log::Incident::kEvicted,
        fmt::format("there are {} connections, as many as may be", limits_.connections_max),
        expelled);
  }

  // Why a connection ended that neither side ended in order: what libzmq itself found.
  void leave_if_gone(DoorState& door, int descriptor, Time now) {
    const auto found = door.connections.find(descriptor);
    if (found == door.connections.end()) return;
    Connection& connection = found->second;
    if (connection.now_at(descriptor) == Connection::Now::kThis) return;
    connection.look(now);
    if (!connection.is_expelled && connection.is_established()) {
      if (connection.silence() >= kSilentAtClose)
        log_.tell(log::Incident::kStalled, connection.who(), "it says nothing any more");
      else
        log_.tell(log::Incident::kOversized, connection.who(),
                  "its bytes are no frames of this protocol, or larger ones than may be");
    }
    door.connections.erase(found);
    door.taken_from.erase(descriptor);
  }

  void leave_gone(DoorState& door, Time now) {
    std::vector<int> descriptors;
    descriptors.reserve(door.connections.size());
    for (const auto& [descriptor, unused] : door.connections) descriptors.push_back(descriptor);
    for (const int descriptor : descriptors) leave_if_gone(door, descriptor, now);
  }

  // Whether many bytes flow.
  bool bound_bytes(Time now, std::vector<Expelled>& expelled) {
    std::uint64_t came = 0;
    std::vector<std::pair<std::uint64_t, std::pair<Door, Connection*>>> waiting, unread;
    for_each([&](Door door, Connection& connection) {
      came = std::max(came, connection.look(now));
      if (connection.is_expelled) return;
      if (connection.waiting() > limits_.peer_bytes_max)
        return end(door, connection, log::Incident::kOversized,
                   mib(connection.waiting()) + " came at once; expected at most " +
                       mib(limits_.peer_bytes_max),
                   expelled);
      if (connection.unread() > limits_.unread_bytes_max)
        return end(door, connection, log::Incident::kStalled,
                   mib(connection.unread()) + " wait for it, and it takes nothing", expelled);
      waiting.emplace_back(connection.waiting(), std::pair(door, &connection));
      unread.emplace_back(connection.unread(), std::pair(door, &connection));
    });
    bound_sum(std::move(waiting), log::Incident::kOversized, "came and wait", expelled);
    bound_sum(std::move(unread), log::Incident::kStalled, "wait to be taken", expelled);
    return came > kManyBytes;
  }

  // While all together have too much, who has most of it goes.
  void bound_sum(std::vector<std::pair<std::uint64_t, std::pair<Door, Connection*>>> shares,
                 log::Incident why, const char* what, std::vector<Expelled>& expelled) {
    std::uint64_t sum = 0;
    for (const auto& [bytes, unused] : shares) sum += bytes;
    if (sum <= limits_.all_bytes_max) return;
    std::sort(shares.begin(), shares.end(),
              [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [bytes, who] : shares) {
      if (sum <= limits_.all_bytes_max || bytes < kShareBytes) return;
      end(who.first, *who.second, why,
          fmt::format("{} of all peers {}, {} of them its own", mib(sum), what, mib(bytes)),
          expelled);
      sum -= bytes;
    }
  }

  void bound_times(Time now, std::vector<Expelled>& expelled) {
    for_each([&](Door door, Connection& connection) {
      if (connection.is_expelled) return;
      if (!connection.is_greeted && now - connection.since() > limits_.greeting_max)
        return end(door, connection, log::Incident::kStalled,
                   "it connected and said nothing that counts", expelled);
      if (const auto since = connection.stalled_since(); since && now - *since > limits_.stall_max)
        return end(door, connection, log::Incident::kStalled, "it takes nothing of what it is sent",
                   expelled);
      if (door == Door::kArtifacts && now - connection.last_message() > limits_.idle_max)
        end(door, connection, log::Incident::kStalled, "it asked for nothing for a long time",
            expelled);
    });
  }

  // Of mutex_. A key may have a few connections: a session, artifacts, and those that are ending.
  void bound_key(const std::string& key, std::vector<Expelled>& expelled) {
    std::vector<std::pair<Door, Connection*>> own;
    for_each([&](Door door, Connection& connection) {
      if (connection.key == key && !connection.is_expelled) own.emplace_back(door, &connection);
    });
    if (own.size() <= limits_.connections_per_key_max) return;
    const auto oldest = std::min_element(own.begin(), own.end(), [](const auto& a, const auto& b) {
      return a.second->order < b.second->order;
    });
    end(oldest->first, *oldest->second, log::Incident::kEvicted,
        fmt::format("its key has more than {} connections", limits_.connections_per_key_max),
        expelled);
  }

  zmq::context_t& context_;
  GuardLimits limits_;
  log::Log& log_;
  OnExpelled on_expelled_;
  mutable std::mutex mutex_;
  std::array<DoorState, kDoors.size()> doors_;  // connections: of mutex_
  std::uint64_t accepted_ = 0;                  // likewise
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

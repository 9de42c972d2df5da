#include "coordinator/net/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

namespace isocost::net {
namespace {

struct Address {
  std::string text;
  std::uint16_t port = 0;
  std::string raw;  // empty: none
};

Address address_from(const sockaddr_storage& any) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (any.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &any, sizeof address);
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return {
        fmt::format("{}:{}", text.data(), ntohs(address.sin_port)), ntohs(address.sin_port), {}};
  }
  if (any.ss_family == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, &any, sizeof address);
    ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    return {fmt::format("[{}]:{}", text.data(), ntohs(address.sin6_port)),
            ntohs(address.sin6_port),
            {}};
  }
  return {};
}

// Of getsockname or getpeername.
Address address_of(int descriptor, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage any{};
  socklen_t size = sizeof any;
  // The socket interface takes every address family through one pointer type.
  if (ask(descriptor, reinterpret_cast<sockaddr*>(&any), &size) != 0) return {};
  Address address = address_from(any);
  address.raw.assign(reinterpret_cast<const char*>(&any), size);
  return address;
}

}  // namespace

std::optional<Connection> Connection::open(int descriptor, std::uint16_t port, Time now) {
  const int own = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return std::nullopt;
  const Address here = address_of(own, ::getsockname);
  Address there = address_of(own, ::getpeername);
  if (here.port != port || port == 0 || there.raw.empty()) {
    ::close(own);
    return std::nullopt;
  }
  Connection connection(own, std::move(there.text), std::move(there.raw), now);
  connection.look(now);
  return connection;
}

Connection::Connection(Connection&& other) noexcept
    : peer(std::move(other.peer)),
      key(std::move(other.key)),
      name(std::move(other.name)),
      is_greeted(other.is_greeted),
      is_expelled(other.is_expelled),
      order(other.order),
      descriptor_(std::exchange(other.descriptor_, -1)),
      address_(std::move(other.address_)),
      raw_address_(std::move(other.raw_address_)),
      since_(other.since_),
      last_message_(other.last_message_),
      received_(other.received_),
      base_(other.base_),
      taken_(other.taken_),
      mark_(other.mark_),
      given_(other.given_),
      acknowledged_(other.acknowledged_),
      progress_(other.progress_),
      is_stalled_(other.is_stalled_),
      is_established_(other.is_established_),
      silence_(other.silence_) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Connection::Now Connection::now_at(int descriptor) const {
  sockaddr_storage any{};
  socklen_t size = sizeof any;
  // The socket interface takes every address family through one pointer type.
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&any), &size) != 0) return Now::kNone;
  const bool is_same =
      raw_address_.size() == size && std::memcmp(raw_address_.data(), &any, size) == 0;
  return is_same ? Now::kThis : Now::kAnother;
}

void Connection::end() {
  is_expelled = true;
  // What it still sends is answered with a reset: a peer that only writes would wait for its window
  // for a minute.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::shutdown(descriptor_, SHUT_RDWR);
}

std::uint64_t Connection::look(Time now) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  constexpr std::uint8_t kEstablished = 1;
  is_established_ = info.tcpi_state == kEstablished;
  silence_ = std::chrono::milliseconds(info.tcpi_last_data_recv);
  const std::uint64_t came = info.tcpi_bytes_received - received_;
  received_ = info.tcpi_bytes_received;
  int unsent = 0;
  const bool has_unsent = ::ioctl(descriptor_, SIOCOUTQ, &unsent) == 0 && unsent > 0;
  if (!has_unsent || info.tcpi_bytes_acked != acknowledged_) progress_ = now;
  if (!has_unsent) given_ = 0;
  is_stalled_ = has_unsent && progress_ != now;
  acknowledged_ = info.tcpi_bytes_acked;
  return came;
}

void Connection::took(std::uint64_t bytes, Time now) {
  look(now);
  taken_ += bytes;
  mark_ = received_;
  last_message_ = now;
}

void Connection::emptied() {
  base_ = mark_;
  taken_ = 0;
}

void Connection::gave(std::uint64_t bytes, Time now) {
  if (given_ == 0) progress_ = now;
  given_ += bytes;
}

std::uint64_t Connection::waiting() const {
  const std::uint64_t behind = base_ + taken_;
  return received_ > behind ? received_ - behind : 0;
}

std::optional<Connection::Time> Connection::stalled_since() const {
  return is_stalled_ ? std::optional(progress_) : std::nullopt;
}

std::string Connection::who() const {
  return name.empty() ? address_ : name + " (" + address_ + ")";
}

}  // namespace isocost::net

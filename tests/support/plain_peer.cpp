#include "tests/support/plain_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace isocost::testing {

PlainPeer::PlainPeer(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The socket interface takes every address family through one pointer type.
  if (descriptor_ < 0 ||
      ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::system_error(errno, std::generic_category(), "connect");
}

PlainPeer::PlainPeer(PlainPeer&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

PlainPeer::~PlainPeer() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool PlainPeer::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string PlainPeer::read(std::size_t bytes_max) const {
  std::string bytes;
  std::array<char, 4096> piece{};
  while (bytes.size() < bytes_max) {
    const ssize_t n =
        ::recv(descriptor_, piece.data(), std::min(piece.size(), bytes_max - bytes.size()), 0);
    if (n <= 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(n));
  }
  return bytes;
}

bool PlainPeer::is_over(int limit_ms) const {
  std::array<char, 4096> piece{};
  pollfd item{descriptor_, POLLIN, 0};
  while (::poll(&item, 1, limit_ms) > 0)
    if (::recv(descriptor_, piece.data(), piece.size(), 0) <= 0) return true;
  return false;
}

void PlainPeer::greet() const {
  std::string greeting("\xFF\0\0\0\0\0\0\0\0\x7F\x03\0NULL", 16);
  greeting.resize(64, '\0');
  const std::string ready(
      "\x05READY\x0BSocket-Type\0\0\0\x06"
      "DEALER",
      28);
  write(greeting + '\x04' + static_cast<char>(ready.size()) + ready);
}

bool PlainPeer::write_part(std::string_view bytes) const {
  std::string head = "\x03";  // long, and more to come
  for (unsigned shift = 64; shift > 0; shift -= 8)
    head += static_cast<char>((bytes.size() >> (shift - 8)) & 0xFFU);
  return write(head) && write(bytes);
}

}  // namespace isocost::testing

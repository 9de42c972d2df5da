// Addresses as users write them: tcp://host:port. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isocost::transport {

struct Endpoint {
  std::string host;        // "127.0.0.1", "localhost", "node-1", "[::1]", "*"
  std::uint16_t port = 0;  // 0: the system picks one (binding only)

  [[nodiscard]] std::string text() const;  // tcp://host:port
  // Whether only this machine can reach it: 127.0.0.0/8, ::1, localhost.
  [[nodiscard]] bool is_loopback() const;
  bool operator==(const Endpoint&) const = default;
};

// Fails with: no tcp:// (or http:// where `scheme` says so), no host, no port from 0 to 65535.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text,
                                              std::string_view scheme = "tcp");

}  // namespace isocost::transport

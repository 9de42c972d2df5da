#include "base/transport/endpoint.h"

#include <algorithm>
#include <charconv>

namespace isocost::transport {

std::string Endpoint::text() const { return "tcp://" + host + ":" + std::to_string(port); }

bool Endpoint::is_loopback() const {
  if (host == "localhost" || host == "[::1]") return true;
  // Only a full numeric address: "127.evil.example" is a name that somebody else resolves.
  const bool is_numeric =
      std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return is_numeric && host.starts_with("127.") && std::ranges::count(host, '.') == 3;
}

Result<Endpoint> parse_endpoint(std::string_view text, std::string_view scheme) {
  const std::string where(text);
  const std::string expected = std::string(scheme) + "://host:port, for example " +
                               std::string(scheme) + "://127.0.0.1:7700";
  const std::string prefix = std::string(scheme) + "://";
  if (!text.starts_with(prefix)) return fail(where, "this is no address", expected);
  std::string_view rest = text.substr(prefix.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(where, "the address has no host or no port", expected);
  const std::string_view port = rest.substr(colon + 1);
  Endpoint endpoint{std::string(rest.substr(0, colon)), 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size())
    return fail(where, "'" + std::string(port) + "' is no port", "a number from 0 to 65535");
  const bool is_host = std::ranges::all_of(
      endpoint.host, [](char c) { return c > ' ' && c <= '~' && c != '/' && c != '@'; });
  if (!is_host) return fail(where, "'" + endpoint.host + "' is no host", expected);
  return endpoint;
}

}  // namespace isocost::transport

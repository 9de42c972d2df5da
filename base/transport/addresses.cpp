#include "base/transport/addresses.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace isocost::transport {
namespace {

std::string host_of(const addrinfo& entry) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (entry.ai_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, entry.ai_addr, sizeof address);
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return text.data();
  }
  if (entry.ai_family == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, entry.ai_addr, sizeof address);
    ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]";
  }
  return {};
}

}  // namespace

bool is_numeric(const Endpoint& endpoint) {
  if (endpoint.host == "*") return true;
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const std::string& host = endpoint.host;
  if (host.starts_with('[') && host.ends_with(']'))
    return ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), address.data()) == 1;
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1;
}

Result<std::vector<Endpoint>> addresses_of(const Endpoint& endpoint) {
  if (is_numeric(endpoint)) return std::vector{endpoint};
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(endpoint.host.c_str(), nullptr, &wanted, &found);
  if (error != 0)
    return fail(endpoint.text(), "the host is not known: " + std::string(::gai_strerror(error)),
                "a name that this machine can look up, or an address");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  std::vector<Endpoint> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    const Endpoint address{host_of(*entry), endpoint.port};
    if (address.host.empty() || (endpoint.is_loopback() && !address.is_loopback())) continue;
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  }
  if (addresses.empty())
    return fail(endpoint.text(), "the host has no address that can be used here",
                "a name that this machine can look up, or an address");
  return addresses;
}

}  // namespace isocost::transport

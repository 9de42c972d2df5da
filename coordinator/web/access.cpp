#include "coordinator/web/access.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/io/atomic_file.h"
#include "base/transport/endpoint.h"

namespace isocost::web {
namespace {

constexpr std::size_t kTokenBytesMin = 16;

// Takes the same time wherever the difference lies.
bool is_equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return difference == 0;
}

// "127.0.0.1:7780" -> whether it names this machine.
bool is_loopback_host(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && !host.ends_with(']');
  return transport::Endpoint{std::string(has_port ? host.substr(0, colon) : host), 0}.is_loopback();
}

// Whether a page that this server gave asks: "http://host:port" is that of the Host. What stands in
// front of it may speak https.
bool is_own_origin(std::string_view origin, std::string_view host) {
  const auto is_alike = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme))
      return std::ranges::equal(origin.substr(scheme.size()), host, is_alike);
  return false;
}

Response refusal(int status, const std::string& where, const std::string& what,
                 const std::string& expected) {
  return fault_response(status, Failure{{{where, what, expected}}});
}

}  // namespace

Result<std::string> read_token(const std::filesystem::path& file) {
  auto text = io::read_file(file, 4096);
  if (!text) return fail(text.error());
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back())) != 0)
    text->pop_back();
  if (text->size() < kTokenBytesMin)
    return fail(file.string(), "the token is too short",
                fmt::format("one line of {} characters or more", kTokenBytesMin));
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    return fail(file.string(), "others may read this token",
                "mode 0600: chmod 600 " + file.string());
  return text;
}

std::optional<Response> refuse(const Asker& asker, const std::string& token) {
  if (!asker.origin.empty() && !is_own_origin(asker.origin, asker.host))
    return refusal(403, "Origin", "a page of another origin asks", "a page of this server");
  if (token.empty()) {
    if (is_loopback_host(asker.host)) return std::nullopt;
    return refusal(403, "Host", "this name is not answered", "127.0.0.1 or localhost");
  }
  if (is_public(asker.target)) return std::nullopt;
  const std::string& given = asker.authorization;
  if (given.starts_with("Bearer ") && is_equal_in_constant_time(given.substr(7), token))
    return std::nullopt;
  return refusal(401, "Authorization", "the token is missing or wrong",
                 "Bearer and the coordinator's token");
}

}  // namespace isocost::web

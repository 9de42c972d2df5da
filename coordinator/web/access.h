// Who is answered: told from a request's header alone, before its body is read.
//
//   Result<std::string> token = read_token("token");
//   if (auto response = refuse({.target = "/api/v1/status", .host = ...}, *token)) ...
//
// Without a token only requests that name a loopback host are answered, so that no web page can
// reach the interface by a name of its own. A request that a page of another origin makes is
// refused always. Pure but for read_token; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "coordinator/web/handler.h"

namespace isocost::web {

// Fails with: an unreadable file, a token that is too short, one that others may read.
[[nodiscard]] Result<std::string> read_token(const std::filesystem::path& file);

struct Asker {
  std::string target{};
  std::string host{};  // the headers' values; empty: there is none
  std::string origin{};
  std::string authorization{};
};
// What is answered instead. Absent: it may ask.
[[nodiscard]] std::optional<Response> refuse(const Asker& asker, const std::string& token);

}  // namespace isocost::web

// Serves the HTTP interface: a listening socket and a thread of its own.
//
//   auto server = web::Server::open({.endpoint = "http://127.0.0.1:0"}, commands, archive);
//   (*server)->url()       // with the port that it got
//
// Loopback by default. Outside loopback a bearer token is required; it may also be given on
// loopback. Requests without it get 401 before their body is read; the page itself is public, since
// it holds no data, and so are /healthz and /readyz. A request that a page of another origin makes
// (its Origin is not the Host) is refused. Without a token only requests that name a loopback host
// are answered, so that no web page can reach it by a name of its own. Headers, bodies, answers,
// time and the number of connections are limited; a body that is not small waits on disk until it
// is whole, and when there are too many connections the oldest that asked for nothing goes. What is
// refused is logged and counted. Commands run on a pool of their own, so a long submission delays
// no status. Fails with: bad address, port in use, no token outside loopback, unreadable token
// file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "coordinator/core/commands.h"
#include "coordinator/log/log.h"
#include "coordinator/web/archive.h"

namespace isocost::web {

// Where the interface is when nobody says otherwise, and where commands look for it.
inline constexpr const char* kDefaultUrl = "http://127.0.0.1:7780";

struct ServerOptions {
  std::string endpoint = kDefaultUrl;     // port 0: the system picks one
  std::filesystem::path token_file = {};  // one line; readable by its owner alone
  std::filesystem::path spool = {};       // where large bodies wait; empty: the system's
  log::Log* log = nullptr;                // null: nobody is told
};

class Server {
 public:
  // Requires: both outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(const ServerOptions& options,
                                                            core::Commands& commands,
                                                            Archive& archive);
  ~Server();
  [[nodiscard]] std::string url() const;  // http://host:port

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::web

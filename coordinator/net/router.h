// The coordinator's end of the wire: a ROUTER socket in a thread of its own.
//
//   auto router = net::Router::open({.endpoint = "tcp://127.0.0.1:0", .artifacts = &store, ...},
//   inbox); router->send(peer, wire::Ack{...});        // any thread; after the commit
//   router.reset();                            // sends what is queued, then stops
//
// Frames are decoded and checked here; what is malformed is counted and dropped. A RESULT whose
// artifacts are not all in the store is answered kMissing here and reaches nobody. With keys, the
// name of a worker is the name of its key file, whatever its HELLO says. Artifacts travel on a
// second socket and thread (ArtifactServer), whose port WELCOME tells.
//
// Peers are named by the routing id that the worker chose for its session; the same text stands in
// its HELLO. Fails with: bad address, port in use, plain TCP outside loopback, unreadable keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "schema/io/artifact_store.h"
#include "schema/result.h"
#include "schema/transport/endpoint.h"
#include "schema/wire/messages.h"

namespace isocost::net {

// Where what arrives goes. Called on the router's thread: must not block (queue it).
class Inbox {
 public:
  virtual ~Inbox() = default;
  virtual void arrived(const std::string& peer, wire::Message message) = 0;
  // A message could not be sent: the peer is gone.
  virtual void unreachable(const std::string& peer) = 0;
  // An artifact could not be kept (a full disk). Called on the artifacts' thread.
  virtual void failed(const std::string& why) { static_cast<void>(why); }
};

struct RouterOptions {
  std::string endpoint = "tcp://127.0.0.1:7700";  // port 0: the system picks one
  // CURVE: the coordinator's secret and the folder of its workers' public keys. Both or none; none
  // only on loopback.
  std::filesystem::path secret_file = {};
  std::filesystem::path allow_folder = {};
  // Null: results are not checked for artifacts and no artifact socket opens (tests).
  io::ArtifactStore* artifacts = nullptr;
  std::string artifact_endpoint = {};  // empty: the same host, a port that the system picks
};

struct RouterCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unknown_kinds = 0;
  std::uint64_t unreachable = 0;
  std::uint64_t refused_keys = 0;  // handshakes of keys that are not in the allow list
};

class Router {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Router>> open(const RouterOptions& options,
                                                            Inbox& inbox);
  ~Router();

  void send(const std::string& peer, const wire::Message& message);
  [[nodiscard]] transport::Endpoint endpoint() const;  // with the port that it got
  [[nodiscard]] std::uint16_t artifact_port() const;   // 0: none
  // The content of <artifact folder>/nonce, which proves to a worker that it sees the same folder.
  [[nodiscard]] std::string artifact_nonce() const;
  [[nodiscard]] RouterCounters counters() const;

 private:
  class Impl;
  explicit Router(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::net

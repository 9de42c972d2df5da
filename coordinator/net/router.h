// The coordinator's end of the wire: a ROUTER socket in a thread of its own.
//
//   auto router = net::Router::open({.endpoint = "tcp://127.0.0.1:0", .artifacts = &store}, inbox);
//   router->send(peer, wire::Ack{...});   // any thread; after the commit
//   router.reset();                       // sends what is queued, then stops
//
// Frames are decoded and checked here; what is malformed is logged, counted and dropped, and who
// goes on with it is expelled. A RESULT whose artifacts are not all in the store is answered
// kMissing here and reaches nobody. With keys, the name of a worker is the name of its key file,
// whatever its HELLO says, and a key that leaves the folder ends its connections. Artifacts travel
// on a second socket and thread (ArtifactServer), whose port WELCOME tells. Connections, and the
// bytes that peers may have here, are bounded by a Guard.
//
// Peers are named by the routing id that the worker chose for its session; the same text stands in
// its HELLO. Fails with: bad address, port in use, plain TCP outside loopback, unreadable keys.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/io/artifact_store.h"
#include "base/result.h"
#include "base/transport/endpoint.h"
#include "coordinator/log/log.h"
#include "schema/wire/messages.h"

namespace isocost::net {

// Where what arrives goes. Called on the router's threads: must not block (queue it).
class Inbox {
 public:
  enum class Room { kThere, kNoneForAll, kNoneForPeer };

  virtual ~Inbox() = default;
  // Whether a message of so many bytes may come now. kNoneForAll: everybody waits until there is
  // room again. kNoneForPeer: the peer has more than its share here, and is expelled.
  [[nodiscard]] virtual Room room(const std::string& peer, std::size_t bytes) const {
    static_cast<void>(peer);
    static_cast<void>(bytes);
    return Room::kThere;
  }
  virtual void arrived(const std::string& peer, wire::Message message, std::size_t bytes) = 0;
  // A message could not be sent: the peer is gone.
  virtual void unreachable(const std::string& peer) = 0;
  // Its key is not allowed any more: the session is over.
  virtual void revoked(const std::string& peer) { unreachable(peer); }
  // The link cannot go on (an artifact that cannot be kept: a full disk).
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
  log::Log* log = nullptr;             // null: incidents are counted by nobody
  std::size_t connections_max = 1000;  // of both sockets
  // For a peer to say something that counts, and to take any of what it is sent.
  std::chrono::milliseconds patience{10'000};
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
  [[nodiscard]] std::size_t connections() const;
  // What is wrong with the folder of allowed keys, one sentence each.
  [[nodiscard]] std::vector<std::string> key_faults() const;

 private:
  class Impl;
  explicit Router(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isocost::net

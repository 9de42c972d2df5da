// Artifacts between a worker's store and the coordinator's.
//
//   ArtifactClient client(store, board);          // one for each thread that moves artifacts
//   client.fetch(digests, keep_trying);           // from the coordinator, unless they are here
//   client.deliver(digests, keep_trying);         // to the coordinator, unless they are there
//
// Where the coordinator's folder can be reached and its nonce proves that it is the same one, files
// are copied (or are there already, when both use one folder) and nothing travels; else chunks with
// credit on a second connection. Every file is checked against its SHA-256 before it counts. Fails
// with what went wrong, in one sentence; both calls may be repeated. Thread: one (the board is
// shared).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/io/artifact_store.h"
#include "schema/wire/messages.h"
#include "worker/net/link.h"

namespace isocost::worker_net {

// Where artifacts are: at the address that the session's connection found, as the last WELCOME
// said. Thread: any.
class ArtifactBoard {
 public:
  struct Notice {
    Peer peer;
    wire::Welcome welcome;
  };

  void post(Peer peer, wire::Welcome welcome);
  // Nothing before the first welcome.
  [[nodiscard]] std::optional<Notice> read() const;
  // Counts the posts, so that readers see a new one.
  [[nodiscard]] std::uint64_t version() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Notice> notice_;
  std::uint64_t version_ = 0;
};

// True as long as it is worth to go on: asked between waits.
using KeepTrying = std::function<bool()>;

class ArtifactClient {
 public:
  ArtifactClient(io::ArtifactStore& store, const ArtifactBoard& board);
  ~ArtifactClient();
  ArtifactClient(const ArtifactClient&) = delete;
  ArtifactClient& operator=(const ArtifactClient&) = delete;

  // Goes on through lost connections while `keep_trying` says so. Those that the coordinator does
  // not have either, or has damaged: none when all are here now.
  [[nodiscard]] Result<std::vector<Digest>> fetch(const std::vector<Digest>& digests,
                                                  const KeepTrying& keep_trying);
  [[nodiscard]] Result<void> deliver(const std::vector<Digest>& digests,
                                     const KeepTrying& keep_trying);
  // Artifacts that went through chunks, for tests and logs.
  [[nodiscard]] std::uint64_t travelled() const { return travelled_; }

 private:
  struct Connection;
  // kAgain: the connection broke, a new one may do. kMissing: the coordinator has no whole one.
  enum class Step { kDone, kAgain, kMissing };

  void refresh();
  [[nodiscard]] Result<Step> fetch_one(const Digest& digest, const KeepTrying& keep_trying);
  [[nodiscard]] Result<Step> deliver_all(const std::vector<Digest>& digests,
                                         const KeepTrying& keep_trying);
  [[nodiscard]] Result<Step> deliver_one(const Digest& digest, const KeepTrying& keep_trying);
  [[nodiscard]] Step fetch_shared(const Digest& digest);
  [[nodiscard]] Result<void> deliver_shared(const std::vector<Digest>& digests);

  io::ArtifactStore& store_;
  const ArtifactBoard& board_;
  std::uint64_t seen_version_ = 0;
  std::optional<io::ArtifactStore> shared_;  // the coordinator's own folder, proven
  std::unique_ptr<Connection> connection_;
  std::uint64_t travelled_ = 0;
};

}  // namespace isocost::worker_net

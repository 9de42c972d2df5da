// Artifacts in chunks, on a socket and thread of their own, so that bulk never delays a heartbeat.
//
// HAVE is answered from the store, of which only whole files count; GET sends what `credit` chunks
// hold (and never more than kWindowChunks), piece by piece as the peer takes them; PUT collects
// chunks in <store>/incoming, checks the SHA-256 over all of them, moves the file into the store
// and says DONE. A file whose bytes are not what its name promises is removed and answered FAULT.
//
// What a peer asked for and does not take waits on disk, not in memory: of each a few pieces are
// under way, of few peers at once, and one that takes nothing is expelled. Requests, uploads and
// credit are bounded a peer and in all. For the sources of coordinator/net alone.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <zmq.hpp>

#include "base/io/artifact_store.h"
#include "base/transport/wake.h"
#include "coordinator/net/allow_list.h"
#include "coordinator/net/guard.h"
#include "coordinator/net/socket.h"
#include "schema/wire/messages.h"

namespace isocost::net {

inline constexpr std::uint32_t kWindowChunks = 16;      // under way to or from one peer
inline constexpr std::size_t kPieceBytes = 64U << 10U;  // of what is sent at once
inline constexpr std::size_t kFetchesMax = 4;           // that one peer may ask for at once
inline constexpr std::size_t kRepliesMax = 64;          // that wait for one peer
inline constexpr std::size_t kServedMax = 128;          // peers that are sent something at once
inline constexpr std::size_t kUploadsMax = 256;         // open at once
inline constexpr std::size_t kUploadsPerPeerMax = 4;
inline constexpr std::uint32_t kCreditInAll = 128;  // chunks that all uploads may have under way
inline constexpr std::chrono::seconds kUploadIdleMax{120};

class ArtifactServer {
 public:
  // `allowed` is null without keys. A peer that takes nothing for `patience` is expelled.
  // `on_fault` is told why an artifact could not be kept; called on this server's thread.
  ArtifactServer(zmq::socket_t socket, io::ArtifactStore& store, Guard& guard, AllowList* allowed,
                 std::chrono::milliseconds patience,
                 std::function<void(const std::string&)> on_fault);
  ~ArtifactServer();
  ArtifactServer(const ArtifactServer&) = delete;
  ArtifactServer& operator=(const ArtifactServer&) = delete;

  [[nodiscard]] zmq::socket_t& socket() { return socket_; }
  void start();
  void stop();  // the socket stays open

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Upload {
    std::filesystem::path file;
    std::ofstream stream;
    Sha256 hash;
    std::uint64_t offset = 0;
    std::uint64_t total = 0;
    Time touched;
  };
  using UploadKey = std::pair<std::string, Digest>;  // peer, artifact
  // What is still to be sent of one GET.
  struct Fetch {
    Digest digest;
    std::uint64_t offset = 0;
    std::uint64_t end = 0;
    std::uint64_t total = 0;
  };
  // A peer that was not yet sent all that it asked for.
  struct Waiting {
    int descriptor = -1;
    std::deque<std::string> replies;  // these first
    std::deque<Fetch> fetches;
    Time progress;  // when it last took a piece, or began
    Time next;      // when to try again
    std::chrono::milliseconds pause{1};
  };

  void run();
  [[nodiscard]] std::chrono::milliseconds until_next() const;
  void receive_some();
  void take(const Arrival& arrival);
  void handle(const Arrival& from, const wire::Have& have);
  void handle(const Arrival& from, const wire::Get& get);
  void handle(const Arrival& from, const wire::Put& put);
  template <class Other>
  void handle(const Arrival& from, const Other&) {
    guard_.tell(Door::kArtifacts, from.descriptor, log::Incident::kMalformed,
                "a message that is not about artifacts");
  }
  void serve_waiting();
  // What became of trying to send a peer its next piece.
  enum class Served { kPiece, kAll, kNotYet, kGone };
  [[nodiscard]] Served serve(const std::string& peer, Waiting& waiting, Time now);
  [[nodiscard]] std::string next_of(Waiting& waiting) const;
  static void step(Waiting& waiting);
  Waiting& waiting_of(const Arrival& from);
  void append(const Arrival& from, const wire::Put& put);
  void finish(const Arrival& from, const UploadKey& key);
  [[nodiscard]] bool open_upload(const Arrival& from, const UploadKey& key, const wire::Put& put);
  void drop(std::map<UploadKey, Upload>::iterator upload);
  void drop_idle();
  [[nodiscard]] std::uint32_t upload_credit() const;
  void fault(const Arrival& to, const Digest& digest, wire::FaultCode code,
             const std::string& text);
  void reply(const Arrival& to, const wire::Message& message);

  zmq::socket_t socket_;
  io::ArtifactStore& store_;
  Guard& guard_;
  AllowList* allowed_;
  std::chrono::milliseconds patience_;
  std::function<void(const std::string&)> on_fault_;
  std::filesystem::path incoming_;
  std::map<UploadKey, Upload> uploads_;
  std::map<std::string, Waiting> waiting_;  // by peer
  std::uint64_t files_made_ = 0;
  Time tidied_{};
  transport::Wake stop_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace isocost::net

// Artifacts in chunks, on a socket and thread of their own, so that bulk never delays a heartbeat.
//
// HAVE is answered from the store; GET sends at most `credit` chunks (and never more than
// kWindowChunks); PUT collects chunks in <store>/incoming, checks the SHA-256 over all of them,
// moves the file into the store and says DONE. A file whose bytes are not what its name promises is
// removed and answered FAULT. For the sources of coordinator/net alone.
#pragma once

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <zmq.hpp>

#include "schema/io/artifact_store.h"
#include "schema/transport/wake.h"
#include "schema/wire/messages.h"

namespace isocost::net {

inline constexpr std::uint32_t kWindowChunks = 16;  // under way to or from one peer
inline constexpr std::size_t kUploadsMax = 256;     // open at once
inline constexpr std::chrono::seconds kUploadIdleMax{120};

class ArtifactServer {
 public:
  // `on_fault` is told why an artifact could not be kept; called on this server's thread.
  ArtifactServer(zmq::socket_t socket, io::ArtifactStore& store,
                 std::function<void(const std::string&)> on_fault);
  ~ArtifactServer();
  ArtifactServer(const ArtifactServer&) = delete;
  ArtifactServer& operator=(const ArtifactServer&) = delete;

 private:
  struct Upload {
    std::filesystem::path file;
    std::ofstream stream;
    Sha256 hash;
    std::uint64_t offset = 0;
    std::uint64_t total = 0;
    std::chrono::steady_clock::time_point touched;
  };
  using UploadKey = std::pair<std::string, Digest>;  // peer, artifact

  void run();
  void receive_all();
  void handle(const std::string& peer, const wire::Have& have);
  void handle(const std::string& peer, const wire::Get& get);
  void handle(const std::string& peer, const wire::Put& put);
  template <class Other>
  void handle(const std::string&, const Other&) {
    ++malformed_;
  }
  void append(const std::string& peer, const wire::Put& put);
  void finish(const std::string& peer, const UploadKey& key);
  void open_upload(const UploadKey& key, const wire::Put& put);
  void drop(std::map<UploadKey, Upload>::iterator upload);
  void drop_idle();
  void fault(const std::string& peer, const Digest& digest, wire::FaultCode code,
             const std::string& text);
  void reply(const std::string& peer, const wire::Message& message);

  zmq::socket_t socket_;
  io::ArtifactStore& store_;
  std::function<void(const std::string&)> on_fault_;
  std::filesystem::path incoming_;
  std::map<UploadKey, Upload> uploads_;
  std::uint64_t files_made_ = 0;
  std::uint64_t malformed_ = 0;
  transport::Wake stop_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace isocost::net

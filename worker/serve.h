// `isocost-worker serve`: a supervisor and the working process that it starts again when it dies.
//
//   ServeOptions options;
//   add_serve_options(command, options);                    // CLI11
//   return serve(options, [](const ServeOptions& o, io::ArtifactStore& store) { return
//   make_engine(o, store); });
//
// The supervisor is one thread that forks, waits and forwards SIGTERM; it touches neither network
// nor engine, so that nothing that kills the working process harms it. The child dies with it
// (parent death signal). It starts the child again after a crash, with growing pauses; it ends when
// the child ended by itself: done (0), refused or wrongly configured (2), no coordinator for too
// long (3), no room on the disk (4). `make` runs in the child, so a GPU is never opened before the
// fork.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/io/artifact_store.h"
#include "base/result.h"
#include "worker/agent/executor.h"

namespace CLI {
class App;
}

namespace isocost::worker {

struct ServeOptions {
  std::string connect;                        // tcp://host:port
  std::vector<std::filesystem::path> models;  // folders with models, prompts, references
  std::string device = "auto";                // auto, cpu, cuda:N
  std::string dtype = "";                     // fp32, bf16, fp16; empty: what the cell says
  int threads = 1;                            // of the working process; part of the device class
  std::filesystem::path state;                // spool and, unless given, artifacts
  std::filesystem::path artifacts;
  std::string name;
  std::filesystem::path key;         // NAME.secret of this worker, or of a pool
  std::int64_t key_number = 0;       // which of the pool's keys; 0: it is no pool
  std::filesystem::path server_key;  // the coordinator's *.key
  int give_up_seconds = 1800;
  int idle_seconds = 0;  // without work; 0: for ever
  int grace_seconds = 30;
  unsigned prefetch = 0;
  bool is_supervised = true;
};

inline constexpr int kExitDone = 0;
inline constexpr int kExitCrashed = 1;
inline constexpr int kExitRefused = 2;
inline constexpr int kExitGaveUp = 3;
inline constexpr int kExitOutOfRoom = 4;

using MakeExecutor = std::function<Result<std::unique_ptr<agent::Executor>>(const ServeOptions&,
                                                                            io::ArtifactStore&)>;

void add_serve_options(CLI::App& command, ServeOptions& options);

// Returns the exit code; prints one sentence for every fault. Requires: called before any other
// thread is started.
[[nodiscard]] int serve(ServeOptions options, const MakeExecutor& make);

}  // namespace isocost::worker

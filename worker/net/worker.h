// One working process: the session, its connection, the computing thread and the courier, joined.
//
//   WorkerOptions options{.peer = ..., .session = ..., .state = folder};
//   WorkerEnd end = run_worker(options, executor, store);
//
// Three threads: the caller's speaks (connection, heartbeats, decisions: nothing in it ever
// blocks), one computes (fetches what a unit needs, then executes), one carries (spool to disk,
// artifacts to the coordinator). SIGTERM and SIGINT are taken here: the first asks to finish, the
// second to hand back. Requires: no other thread takes these signals; they are blocked on return.
// Throws std::system_error when the state folder cannot be used.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/io/artifact_store.h"
#include "worker/agent/executor.h"
#include "worker/agent/session.h"
#include "worker/net/link.h"

namespace isocost::worker_net {

struct WorkerOptions {
  Peer peer;
  agent::SessionOptions
      session;                  // greeting: worker, host, build; the rest is asked of the executor
  std::filesystem::path state;  // the spool lies in it
  std::function<void(const std::string&)> say;  // lines for people; called on the caller's thread
  // Of what the process before this one died, when the unit that it computed is to blame.
  std::optional<UnitFailure> fault_before{};
};

struct WorkerEnd {
  agent::ExitReason reason = agent::ExitReason::kDone;
  std::string text;
  // False when a unit that was handed back still computes: the process should end without waiting
  // for it.
  bool is_idle = true;
};

[[nodiscard]] WorkerEnd run_worker(WorkerOptions options, agent::Executor& executor,
                                   io::ArtifactStore& store);

}  // namespace isocost::worker_net

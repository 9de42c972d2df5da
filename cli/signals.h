// Signals as something to wait for: SIGINT, SIGTERM and SIGCHLD are blocked in every thread and
// taken by the main thread when it has time.
//
//   Signals signals;                                 // before any thread is started
//   if (auto signal = signals.wait(250ms)) ...
//
// Thread: main.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace isocost::cli {

class Signals {
 public:
  Signals();
  // SIGINT or SIGTERM, once one came; SIGCHLD only ends the waiting early.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit);
};

// In a child, between fork and exec: signals arrive again.
void unblock_signals();
// In a child, between fork and exec: `signal` comes when its parent ends, which forked from the
// thread that goes on. Ends the child where the parent is gone already.
void end_with_parent(pid_t parent, int signal);
// How a child ends whose program cannot be executed, as shells have it.
inline constexpr int kExitNotStarted = 127;

}  // namespace isocost::cli

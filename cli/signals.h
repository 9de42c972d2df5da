// Signals as something to wait for: SIGINT, SIGTERM and SIGCHLD are blocked in every thread and
// taken by the main thread when it has time.
//
//   Signals signals;                                 // before any thread is started
//   if (auto signal = signals.wait(250ms)) ...
//
// Thread: main.
#pragma once

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

}  // namespace isocost::cli

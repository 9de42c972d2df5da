// Runs a child process and starts it again when it dies. Thread: the only one of its process.
#pragma once

#include <functional>

namespace isocost::worker {

// `child` runs in the forked process and returns its exit code. Ends when the child returned
// anything but kExitCrashed, after a stop was forwarded, or after too many quick deaths in a row;
// returns the exit code.
[[nodiscard]] int supervise(const std::function<int()>& child);

}  // namespace isocost::worker

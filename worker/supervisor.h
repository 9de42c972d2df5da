// Runs a child process and starts it again when it dies. Thread: the only one of its process.
#pragma once

#include <functional>
#include <optional>

#include "schema/spec.h"

namespace isocost::worker {

// `child` runs in the forked process and returns its exit code. It is told of what its predecessor
// died when that came from within (a fault's signal, or the system's memory killer) and so may be
// the fault of what it computed; a SIGKILL from outside is nobody's. Ends when the child returned
// anything but kExitCrashed, after a stop was forwarded, or after too many quick deaths in a row;
// returns the exit code.
[[nodiscard]] int supervise(
    const std::function<int(const std::optional<UnitFailure>& death)>& child);

}  // namespace isocost::worker

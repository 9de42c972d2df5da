// Runs a child process and starts it again when it dies.
//
//   const fs::path life = state / "life";
//   return supervise(child, take_predecessor(life), life);
//
// Thread: the only one of its process.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "schema/spec.h"

namespace isocost::worker {

// What ended the working process before this one. Neither, when nobody knows.
struct Predecessor {
  // It died from within (a fault's signal, or the system's memory killer): what it computed may be
  // to blame.
  std::optional<UnitFailure> fault{};
  bool was_killed = false;  // from outside: nothing that it computed is to blame
};

// What the file `life`, which a supervisor keeps while it lives, tells of one that was killed
// together with its child: the machine did not go down since, and its memory killer did nothing.
// The file is gone then. Never fails: a file that cannot be read tells nothing.
[[nodiscard]] Predecessor take_predecessor(const std::filesystem::path& life);

// `child` runs in the forked process and returns its exit code; `before` is handed to the first
// one. Ends when the child returned anything but kExitCrashed, after a stop was forwarded, or after
// too many quick deaths in a row; returns the exit code.
[[nodiscard]] int supervise(const std::function<int(const Predecessor&)>& child, Predecessor before,
                            const std::filesystem::path& life);

}  // namespace isocost::worker

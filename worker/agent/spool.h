// Outcomes on disk until the coordinator has committed them: one JSON file each, whole or not there
// (fsync, rename).
//
//   SpoolFolder spool(state / "spool");
//   for (Outcome& outcome : spool.load()) ...   // at the start
//   spool.keep(outcome);                        // returns when it is on disk for good
//   spool.forget(outcome);
//
// A file that cannot be read as an outcome is set aside as *.bad and told, never deleted. Throws
// std::system_error on I/O faults. Thread: one at a time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "worker/agent/session.h"

namespace isocost::agent {

class SpoolFolder {
 public:
  explicit SpoolFolder(std::filesystem::path folder);

  struct Loaded {
    std::vector<Outcome> outcomes;
    Failure set_aside;  // files that were no outcomes
  };
  [[nodiscard]] Loaded load();
  void keep(const Outcome& outcome);
  void forget(const Outcome& outcome);

 private:
  [[nodiscard]] std::filesystem::path file_of(const Outcome& outcome) const;

  std::filesystem::path folder_;
};

}  // namespace isocost::agent

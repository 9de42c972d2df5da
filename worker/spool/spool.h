// Outcomes on disk until the coordinator has committed them: one JSON file each, whole or not there
// (fsync, rename).
//
//   SpoolFolder spool(state / "spool");
//   for (Outcome& outcome : spool.load()) ...   // at the start
//   spool.keep(outcome);                        // returns when it is on disk for good
//   spool.forget(outcome);
//
// Beside them lies a note of the unit that computes, so that a process that is started after a
// crash can tell which unit it died of:
//   spool.note(outcome);  spool.forget_note();  spool.take_note();
//
// A file that cannot be read as an outcome is set aside as *.bad and told, never deleted. Throws
// std::system_error on I/O faults. Thread: one at a time; note and forget_note may be another
// one's.
#pragma once

#include <filesystem>
#include <optional>
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

  // What is to be told if this process dies now. Not durable, and no fault when it cannot be
  // written: it matters to the next process on this machine alone.
  void note(const Outcome& outcome) noexcept;
  void forget_note() noexcept;
  // The note that the process before left, if any; it is gone then.
  [[nodiscard]] std::optional<Outcome> take_note();

 private:
  [[nodiscard]] std::filesystem::path file_of(const Outcome& outcome) const;

  std::filesystem::path folder_;
};

}  // namespace isocost::agent

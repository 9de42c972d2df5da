// One line that says how a study goes: cells, units, speed, time left. Rewritten in place on a
// terminal, printed now and then elsewhere. Thread: main.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "coordinator/core/commands.h"

namespace isocost::cli {

// "12/48 cells, 30/120 units, 85 GFLOP/s, 2 workers, 3 min 20 s left".
[[nodiscard]] std::string progress_line(const core::Snapshot& status,
                                        const std::string& experiment);
// "960 cells, 491520 images: 0 images and 0 units are new, 416000 images are queued already".
[[nodiscard]] std::string submission_text(const core::SubmissionReply& reply);
// "model w64, sampler ddim, steps 50": the axes that every study has first, the others by name.
[[nodiscard]] std::string labels_text(const Json& labels);
// Cells that failed, those of one reason once: "  cell 3 (model w64, steps 50): bad input: ...", or
// "  12 cells, from cell 3 (model w64, ...): ...", and the last lines of the first one's log where
// they are wanted. Ends with a line break where there is any.
enum class Logs { kShown, kLeftOut };
[[nodiscard]] std::string failed_text(const std::vector<core::FailedCellView>& failed, Logs logs);
// What a worker is at, "model w64, steps 50: images 256 to 511, 75 %".
[[nodiscard]] std::string running_text(const core::RunningView& running);
// What is not well with a worker; empty: nothing. "in quarantine, since it fails where others
// succeed (bug: ...); it gets a unit again in 28 s"
[[nodiscard]] std::string health_text(const core::WorkerView& worker);
// "3 min 20 s"
[[nodiscard]] std::string duration_text(double seconds);

class ProgressPrinter {
 public:
  ProgressPrinter();
  void show(const core::Snapshot& status, const std::string& experiment);
  void show(std::string line);
  // Shows the last line that `show` held back, and goes on below it.
  void finish();

 private:
  void print();

  bool is_terminal_;
  bool has_line_ = false;
  std::string held_back_;  // newer than what is shown
  std::chrono::steady_clock::time_point next_;
};

}  // namespace isocost::cli

// One line that says how a study goes: cells, units, speed, time left. Rewritten in place on a
// terminal, and never longer than it is wide; printed now and then elsewhere. Thread: main.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "coordinator/core/commands.h"

namespace isocost::cli {

// "12/48 cells, 2 failed, 30/120 units, 85 GFLOP/s, 2 workers, 3 min 20 s left", or as much of it
// as fits: what matters least goes first.
[[nodiscard]] std::string progress_line(const core::Snapshot& status, const std::string& experiment,
                                        std::size_t columns = 1000);
// Why nobody knows how long the rest takes, or how long: "3 min 20 s left", "inputs are missing".
// Empty: nothing is left, or nothing is known yet.
[[nodiscard]] std::string rest_text(const core::Snapshot& status);
// "14 % of the work", that an experiment is done of; empty: it has none.
[[nodiscard]] std::string work_text(const core::ExperimentView& view);
// "cuda:1, NVIDIA H100 80GB HBM3, 80 GB", as far as the worker tells; else nothing.
[[nodiscard]] std::string device_text(const Json& device);
// "15:31:16  lost            w1: nothing was heard of it for 15 s", with the date where it is
// wanted.
enum class Dates { kShown, kLeftOut };
[[nodiscard]] std::string event_text(const log::Event& event, Dates dates);
// "960 cells, 491520 images: 0 images and 0 units are new, 416000 images are queued already".
[[nodiscard]] std::string submission_text(const core::SubmissionReply& reply);
// Cells that failed, those of one reason once: "  cell 3 (model w64, steps 50): bad input: ...", or
// "  12 cells, from cell 3 (model w64, ...): ...", and the last lines of the first one's log where
// they are wanted. Ends with a line break where there is any.
enum class Logs { kShown, kLeftOut };
[[nodiscard]] std::string failed_text(const std::vector<core::FailedCellView>& failed, Logs logs);
// What a worker is at, "model w64, steps 50: images 256 to 511", and how far, "75 %".
[[nodiscard]] std::string running_text(const core::RunningView& running);
[[nodiscard]] std::string fraction_text(const core::RunningView& running);
// "85 GFLOP/s", "1.58 TFLOP/s"
[[nodiscard]] std::string rate_text(double gflops_per_second);
// What is not well with a worker; empty: nothing. "in quarantine, since it fails where others
// succeed (bug: ...); it gets a unit again in 28 s"
[[nodiscard]] std::string health_text(const core::WorkerView& worker);
// "3 min 20 s"
[[nodiscard]] std::string duration_text(double seconds);

class ProgressPrinter {
 public:
  enum class Loudness { kLines, kQuiet };
  explicit ProgressPrinter(Loudness loudness = Loudness::kLines);
  void show(const core::Snapshot& status, const std::string& experiment);
  void show(const std::string& line);
  // Shows the last line that `show` held back, and goes on below it.
  void finish();

 private:
  using Line = std::function<std::string(std::size_t columns)>;
  void show(Line line);
  void print(const Line& line);

  bool is_quiet_;
  bool is_terminal_;
  bool has_line_ = false;
  Line held_back_;  // newer than what is shown; empty: nothing
  std::chrono::steady_clock::time_point next_;
};

}  // namespace isocost::cli

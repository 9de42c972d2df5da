#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <utility>

namespace isocost::cli {
namespace {

constexpr std::chrono::milliseconds kOnTerminal{500};
constexpr std::chrono::seconds kElsewhere{10};

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string progress_line(const core::Snapshot& snapshot, const std::string& experiment) {
  std::string text;
  for (const core::ExperimentView& view : snapshot.experiments) {
    if (view.name != experiment) continue;
    text = fmt::format("{}/{} cells, {}/{} units", view.cells_done, view.cells, view.units.done,
                       view.units.total());
    if (view.gflops_total > 0)
      text += fmt::format(" ({:.0f} % of the work)",
                          std::floor(100 * view.gflops_done / view.gflops_total));
    if (view.cells_failed > 0) text += fmt::format(", {} failed", view.cells_failed);
  }
  if (snapshot.gflops_per_second > 0)
    text += fmt::format(", {:.3g} GFLOP/s", snapshot.gflops_per_second);
  text += fmt::format(", {} worker{}", snapshot.workers.size(),
                      snapshot.workers.size() == 1 ? "" : "s");
  if (snapshot.seconds_left > 0)
    text += fmt::format(", {} left", duration_text(snapshot.seconds_left));
  return text;
}

ProgressPrinter::ProgressPrinter() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressPrinter::show(const core::Snapshot& snapshot, const std::string& experiment) {
  const auto now = std::chrono::steady_clock::now();
  held_back_ = progress_line(snapshot, experiment);
  if (now < next_) return;
  next_ = now + (is_terminal_ ? kOnTerminal : kElsewhere);
  print();
}

void ProgressPrinter::print() {
  const std::string line = std::exchange(held_back_, {});
  fmt::print(stderr, "{}", is_terminal_ ? "\r\x1b[K" + line : line + "\n");
  std::fflush(stderr);
  has_line_ = is_terminal_;
}

void ProgressPrinter::finish() {
  if (!held_back_.empty()) print();
  if (has_line_) fmt::print(stderr, "\n");
  has_line_ = false;
}

}  // namespace isocost::cli

#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "schema/units/kind.h"

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

std::string submission_text(const core::SubmissionReply& reply) {
  std::string text = fmt::format("{} cells, {} images: {} images and {} units are new", reply.cells,
                                 reply.images_wanted, reply.images_new, reply.new_units);
  if (reply.images_queued > 0)
    text += fmt::format(", {} images are queued already", reply.images_queued);
  if (reply.failed_units > 0)
    text += fmt::format("; {} units failed before: isocost retry takes them up again",
                        reply.failed_units);
  return text;
}

std::string labels_text(const Json& labels) {
  std::vector<std::string> order = {"model", "sampler", "timestep_spacing", "steps", "guidance"};
  for (const auto& [name, unused] : labels.items())
    if (std::find(order.begin(), order.end(), name) == order.end()) order.push_back(name);
  std::string text;
  for (const std::string& name : order) {
    if (!labels.contains(name)) continue;
    const Json& value = labels.at(name);
    text += (text.empty() ? "" : ", ") + name + " " +
            (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::string running_text(const core::RunningView& running) {
  const std::string labels = labels_text(running.labels);
  const bool has_images = running.kind == units::row_of(UnitKind::kGenerate).name;
  std::string text = labels.empty() ? running.kind : labels;
  if (has_images) {
    const ImageRange& images = running.images;
    text += fmt::format(": images {} to {}", images.begin,
                        images.end > images.begin ? images.end - 1 : images.begin);
  } else if (!labels.empty()) {
    text += ": " + running.kind;
  }
  return text + fmt::format(", {:.0f} %", 100 * running.run.fraction);
}

std::string failed_text(const std::vector<core::FailedCellView>& failed, Logs logs) {
  std::map<std::pair<std::string, std::string>, std::vector<const core::FailedCellView*>> cells;
  std::vector<std::pair<std::string, std::string>> order;  // of the reasons
  for (const core::FailedCellView& cell : failed) {
    const std::pair reason(cell.failure_class, cell.reason);
    if (!cells.contains(reason)) order.push_back(reason);
    cells[reason].push_back(&cell);
  }
  std::string text;
  for (const auto& reason : order) {
    const auto& alike = cells[reason];
    const core::FailedCellView& first = *alike.front();
    text += alike.size() == 1 ? std::string("  ") : fmt::format("  {} cells, from ", alike.size());
    text += fmt::format("cell {} ({}): {}: {}\n", first.number, labels_text(first.labels),
                        reason.first, reason.second);
    if (logs == Logs::kLeftOut) continue;
    for (const std::string& line : first.log_tail) text += fmt::format("    {}\n", line);
  }
  return text;
}

std::string progress_line(const core::Snapshot& status, const std::string& experiment) {
  std::string text;
  for (const core::ExperimentView& view : status.experiments) {
    if (view.name != experiment) continue;
    text = fmt::format("{}/{} cells, {}/{} units", view.cells_done, view.cells, view.units.done,
                       view.units.total());
    if (view.gflops_total > 0)
      text += fmt::format(" ({:.0f} % of the work)",
                          std::floor(100 * view.gflops_done / view.gflops_total));
    if (view.cells_failed > 0) text += fmt::format(", {} failed", view.cells_failed);
  }
  if (status.gflops_per_second > 0)
    text += fmt::format(", {:.3g} GFLOP/s", status.gflops_per_second);
  const std::size_t workers = status.workers.size();
  text += fmt::format(", {} worker{}", workers, workers == 1 ? "" : "s");
  if (status.seconds_left > 0) text += fmt::format(", {} left", duration_text(status.seconds_left));
  return text;
}

std::string health_text(const core::WorkerView& worker) {
  std::string text;
  const auto add = [&](std::string part) { text += (text.empty() ? "" : "; ") + std::move(part); };
  if (worker.is_quarantined)
    add("in quarantine, since it fails where others succeed (" + worker.last_failure + ")");
  else if (worker.rests_seconds > 0)
    add(fmt::format("it rests after {} failed attempts in a row ({})", worker.failures_in_a_row,
                    worker.last_failure));
  if (worker.rests_seconds > 0)
    add("it gets a unit again in " + duration_text(std::ceil(worker.rests_seconds)));
  if (!worker.stalled.empty())
    add("it does not end " + worker.stalled + ", which was taken elsewhere, and gets nothing more");
  else if (worker.no_progress_seconds > 0)
    add("it has come no further for " + duration_text(worker.no_progress_seconds));
  return text;
}

ProgressPrinter::ProgressPrinter() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressPrinter::show(const core::Snapshot& status, const std::string& experiment) {
  show(progress_line(status, experiment));
}

void ProgressPrinter::show(std::string line) {
  const auto now = std::chrono::steady_clock::now();
  held_back_ = std::move(line);
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

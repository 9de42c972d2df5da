#include "cli/progress.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/terminal.h"
#include "schema/units/cell.h"
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

std::string running_text(const core::RunningView& running) {
  const std::string labels = one_line(labels_text(running.labels));
  const bool has_images = running.kind == units::row_of(UnitKind::kGenerate).name;
  std::string text = labels.empty() ? running.kind : labels;
  if (has_images) {
    const ImageRange& images = running.images;
    text += fmt::format(": images {} to {}", images.begin,
                        images.end > images.begin ? images.end - 1 : images.begin);
  } else if (!labels.empty()) {
    text += ": " + running.kind;
  }
  return text;
}

std::string fraction_text(const core::RunningView& running) {
  return fmt::format("{:.0f} %", 100 * running.run.fraction);
}

std::string rate_text(double gflops_per_second) {
  return gflops_per_second < 1000 ? fmt::format("{:.3g} GFLOP/s", gflops_per_second)
                                  : fmt::format("{:.3g} TFLOP/s", gflops_per_second / 1000);
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
    text += one_line(fmt::format("cell {} ({}): {}: {}", first.number, labels_text(first.labels),
                                 reason.first, reason.second)) +
            "\n";
    if (logs == Logs::kLeftOut) continue;
    for (const std::string& line : first.log_tail) text += "    " + one_line(line) + "\n";
  }
  return text;
}

std::string rest_text(const core::Snapshot& status) {
  if (status.units.open() == 0) return {};
  if (!status.missing_inputs.empty()) return "inputs are missing";
  if (status.seconds_left < 0) return {};
  return duration_text(status.seconds_left) + " left";
}

std::string work_text(const core::ExperimentView& view) {
  if (!(view.gflops_total > 0)) return {};
  return fmt::format("{:.0f} % of the work",
                     std::floor(100 * view.gflops_done / view.gflops_total));
}

namespace {

// A part of the line; of those that do not fit the one of the highest rank goes first.
struct Piece {
  std::string text;
  int rank = 0;
};

std::string joined(const std::vector<Piece>& pieces, int rank_max) {
  std::string text;
  for (const Piece& piece : pieces)
    if (piece.rank <= rank_max && !piece.text.empty())
      text += (text.empty() ? "" : ", ") + piece.text;
  return text;
}

std::vector<Piece> pieces_of(const core::ExperimentView& view) {
  std::vector<Piece> pieces{{fmt::format("{}/{} cells", view.cells_done, view.cells), 0}};
  if (view.cells_failed > 0) pieces.push_back({fmt::format("{} failed", view.cells_failed), 1});
  if (view.cells_cancelled > 0)
    pieces.push_back({fmt::format("{} cancelled", view.cells_cancelled), 1});
  pieces.push_back({fmt::format("{}/{} units", view.units.done, view.units.total()), 3});
  pieces.push_back({work_text(view), 4});
  return pieces;
}

}  // namespace

std::string progress_line(const core::Snapshot& status, const std::string& experiment,
                          std::size_t columns) {
  std::vector<Piece> pieces;
  for (const core::ExperimentView& view : status.experiments)
    if (view.name == experiment) pieces = pieces_of(view);
  if (status.gflops_per_second > 0) pieces.push_back({rate_text(status.gflops_per_second), 5});
  const std::size_t workers = status.workers.size();
  pieces.push_back({fmt::format("{} worker{}", workers, workers == 1 ? "" : "s"), 4});
  pieces.push_back({rest_text(status), 2});
  constexpr int kRanks = 5;
  for (int rank = kRanks; rank > 0; --rank) {
    std::string line = joined(pieces, rank);
    if (columns_of(line) <= columns) return line;
  }
  return fitting(joined(pieces, 0), columns, cut_mark(false));
}

std::string device_text(const Json& device) {
  if (!device.is_object()) return {};
  std::vector<std::string> words;
  for (const char* member : {"device", "name"})
    if (const auto told = device.find(member);
        told != device.end() && told->is_string() && !told->get<std::string>().empty())
      words.push_back(one_line(told->get<std::string>()));
  if (const auto told = device.find("memory_bytes");
      told != device.end() && told->is_number() && told->get<double>() > 0)
    words.push_back(fmt::format("{:.0f} GB", told->get<double>() * 1e-9));
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string event_text(const log::Event& event, Dates dates) {
  const auto seconds = static_cast<std::time_t>(event.at_ms / 1000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{}  {:<15} {}",
                     dates == Dates::kShown ? fmt::format("{:%Y-%m-%d %H:%M:%S}", local)
                                            : fmt::format("{:%H:%M:%S}", local),
                     one_line(event.kind), log::about_text(event));
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

ProgressPrinter::ProgressPrinter(Loudness loudness)
    : is_quiet_(loudness == Loudness::kQuiet), is_terminal_(is_terminal(STDERR_FILENO)) {}

void ProgressPrinter::show(const core::Snapshot& status, const std::string& experiment) {
  show([status, experiment](std::size_t columns) {
    return progress_line(status, experiment, columns);
  });
}

void ProgressPrinter::show(const std::string& line) {
  show([line](std::size_t columns) { return fitting(line, columns, cut_mark(has_utf8())); });
}

void ProgressPrinter::show(Line line) {
  if (is_quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) {
    held_back_ = std::move(line);
    return;
  }
  next_ = now + (is_terminal_ ? kOnTerminal : kElsewhere);
  print(line);
}

void ProgressPrinter::print(const Line& line) {
  constexpr std::size_t kAnyColumns = 10'000;  // of a file
  held_back_ = {};
  if (is_terminal_) {
    // A letter in the last column would begin the next line on some terminals.
    const std::size_t columns = terminal_size(STDERR_FILENO).columns;
    fmt::print(stderr, "\r\x1b[K{}", line(columns > 1 ? columns - 1 : 1));
  } else {
    fmt::print(stderr, "{}\n", line(kAnyColumns));
  }
  std::fflush(stderr);
  has_line_ = is_terminal_;
}

void ProgressPrinter::finish() {
  if (held_back_) print(std::exchange(held_back_, {}));
  if (has_line_) fmt::print(stderr, "\n");
  has_line_ = false;
}

}  // namespace isocost::cli

#include "cli/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "cli/progress.h"

namespace isocost::cli {
namespace {

constexpr std::size_t kBarColumnsMin = 4, kBarColumnsMax = 24;
constexpr std::size_t kNameColumns = 18;
constexpr std::size_t kCellsColumns = 50;  // of "  12 of 48 cells done, 2 failed, 14 % of the work"
// Of what remains below experiments, workers get this share at most where there are events.
constexpr std::size_t kWorkersShare = 2;

enum class Colour { kPlain, kQuiet, kGood, kBad, kBusy, kHead };

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::kPlain:
      return "";
    case Colour::kQuiet:
      return "\x1b[2m";
    case Colour::kGood:
      return "\x1b[32m";
    case Colour::kBad:
      return "\x1b[31m";
    case Colour::kBusy:
      return "\x1b[36m";
    case Colour::kHead:
      return "\x1b[1m";
  }
  return "";
}

// Collects lines, each made of coloured pieces that together fit. Nothing that anybody said, a
// coordinator or a peer of it, gets at the terminal otherwise than as letters.
class Painter {
 public:
  explicit Painter(const Screen& screen) : screen_(screen) {}

  Painter& add_name(const std::string& name, Colour colour = Colour::kPlain) {
    return add(padded(one_line(name), kNameColumns, cut_mark(screen_.has_utf8)) + " ", colour);
  }
  Painter& add(const std::string& text, Colour colour = Colour::kPlain) {
    const std::string fits =
        fitting(one_line(text), screen_.size.columns - std::min(screen_.size.columns, taken_),
                cut_mark(screen_.has_utf8));
    taken_ += columns_of(fits);
    const std::string_view code = screen_.has_colour ? code_of(colour) : "";
    line_ += code.empty() ? fits : std::string(code) + fits + "\x1b[0m";
    return *this;
  }
  void end_line() {
    if (lines_.size() < screen_.size.rows) lines_.push_back(std::move(line_));
    line_.clear();
    taken_ = 0;
  }
  void line(const std::string& text, Colour colour = Colour::kPlain) {
    add(text, colour).end_line();
  }
  [[nodiscard]] std::size_t room() const { return screen_.size.rows - lines_.size(); }
  [[nodiscard]] const Screen& screen() const { return screen_; }
  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  const Screen& screen_;
  std::vector<std::string> lines_;
  std::string line_;
  std::size_t taken_ = 0;
};

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

// done, failed, cancelled, each by its share of the cells; what is computed of the others' work;
// and the rest.
void add_bar(Painter& painter, const core::ExperimentView& view) {
  const bool is_fine = painter.screen().has_utf8;
  const std::size_t columns = painter.screen().size.columns;
  const std::size_t others = kNameColumns + kCellsColumns;
  const std::size_t bar =
      std::clamp(columns - std::min(columns, others), kBarColumnsMin, kBarColumnsMax);
  const auto part = [&](double some, double all) {
    return all == 0 ? std::size_t{0}
                    : static_cast<std::size_t>(std::lround(some / all * static_cast<double>(bar)));
  };
  const auto cells = [&](std::uint64_t some) {
    return part(static_cast<double>(some), static_cast<double>(view.cells));
  };
  std::size_t left = bar;
  const auto take = [&](std::size_t wanted) {
    const std::size_t taken = std::min(left, wanted);
    left -= taken;
    return taken;
  };
  painter.add(repeated(is_fine ? "█" : "#", take(cells(view.cells_done))), Colour::kGood);
  painter.add(repeated(is_fine ? "▓" : "x", take(cells(view.cells_failed))), Colour::kBad);
  painter.add(repeated(is_fine ? "─" : "-", take(cells(view.cells_cancelled))), Colour::kQuiet);
  const std::size_t computed = view.is_cancelled ? 0 : part(view.gflops_done, view.gflops_total);
  const std::size_t ended = bar - left;
  painter.add(repeated(is_fine ? "▒" : "=", take(computed - std::min(computed, ended))),
              Colour::kBusy);
  painter.add(repeated(is_fine ? "░" : ".", left), Colour::kQuiet);
}

void add_experiment(Painter& painter, const core::ExperimentView& view) {
  painter.add_name(view.name, Colour::kHead);
  add_bar(painter, view);
  painter.add(fmt::format("  {} of {} cells done", view.cells_done, view.cells));
  if (view.cells_failed > 0)
    painter.add(fmt::format(", {} failed", view.cells_failed), Colour::kBad);
  if (view.is_cancelled)
    painter.add(", cancelled", Colour::kQuiet);
  else if (view.units.leased > 0)
    painter.add(fmt::format(", {} computing", view.units.leased), Colour::kQuiet);
  if (const std::string work = work_text(view); !work.empty() && !view.is_cancelled)
    painter.add(", " + work, Colour::kQuiet);
  painter.end_line();
}

void add_overview(Painter& painter, const core::Snapshot& status) {
  std::string text = fmt::format("{} of {} units done", status.units.done, status.units.total());
  if (status.units.failed > 0) text += fmt::format(", {} failed", status.units.failed);
  if (status.units.cancelled > 0) text += fmt::format(", {} cancelled", status.units.cancelled);
  if (status.gflops_per_second > 0) text += "; " + rate_text(status.gflops_per_second);
  if (const std::string rest = rest_text(status); !rest.empty()) text += "; " + rest;
  painter.line(text);
  for (const core::MissingInput& input : status.missing_inputs)
    painter.line("no worker has " + input.name, Colour::kBad);
}

void add_worker(Painter& painter, const core::WorkerView& worker) {
  painter.add_name(worker.name);
  const std::string device = device_text(worker.device);
  painter.add(device.empty() ? std::string() : device + "  ", Colour::kQuiet);
  const std::string health = health_text(worker);
  if (!health.empty())
    painter.add(health, Colour::kBad);
  else if (worker.running.empty())
    painter.add("idle", Colour::kQuiet);
  else
    painter.add(fmt::format("{:>5}  {}", fraction_text(worker.running.front()),
                            running_text(worker.running.front())),
                Colour::kBusy);
  painter.end_line();
}

void add_workers(Painter& painter, const core::Snapshot& status, std::size_t lines_max) {
  std::size_t lines = 0;
  for (const core::WorkerView& worker : status.workers) {
    if (++lines > lines_max) break;
    add_worker(painter, worker);
  }
  for (const core::GoneWorkerView& worker : status.gone_workers) {
    if (++lines > lines_max) break;
    painter.add_name(worker.name, Colour::kQuiet);
    painter.add(worker.is_lost ? "lost " : "left ", worker.is_lost ? Colour::kBad : Colour::kQuiet);
    painter.line(fmt::format("{} ago: {}", duration_text(worker.gone_seconds), worker.reason),
                 Colour::kQuiet);
  }
  const std::size_t all = status.workers.size() + status.gone_workers.size();
  if (lines > lines_max) painter.line(fmt::format("and {} more", all - lines_max), Colour::kQuiet);
}

}  // namespace

std::vector<std::string> paint(const core::Snapshot& status, const std::vector<log::Event>& events,
                               const Screen& screen) {
  Painter painter(screen);
  painter.line(screen.title, Colour::kHead);
  if (!screen.note.empty()) painter.line(screen.note, Colour::kBad);
  add_overview(painter, status);
  painter.end_line();
  if (status.experiments.empty()) painter.line("nothing submitted yet", Colour::kQuiet);
  for (const core::ExperimentView& view : status.experiments) add_experiment(painter, view);
  painter.end_line();
  const std::size_t workers = status.workers.size() + status.gone_workers.size();
  painter.line(workers == 0 ? "no worker is attached" : "workers", Colour::kQuiet);
  add_workers(painter, status, events.empty() ? painter.room() : painter.room() / kWorkersShare);
  if (events.empty() || painter.room() < 3) return painter.take();
  painter.end_line();
  painter.line("events", Colour::kQuiet);
  const std::size_t shown = std::min(painter.room(), events.size());
  for (std::size_t i = events.size() - shown; i < events.size(); ++i)
    painter.line(event_text(events[i], Dates::kLeftOut),
                 log::is_trouble(events[i].kind) ? Colour::kBad : Colour::kPlain);
  return painter.take();
}

}  // namespace isocost::cli

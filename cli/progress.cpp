#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

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

std::string submission_text(const Json& answer) {
  const auto number = [&](const char* key) { return answer.at(key).get<std::uint64_t>(); };
  std::string text =
      fmt::format("{} cells, {} images: {} images and {} units are new", number("cells"),
                  number("images_wanted"), number("images_new"), number("new_units"));
  if (number("images_queued") > 0)
    text += fmt::format(", {} images are queued already", number("images_queued"));
  if (number("failed_units") > 0)
    text += fmt::format("; {} units failed before: isocost retry takes them up again",
                        number("failed_units"));
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

std::string running_text(const Json& running) {
  const auto kind = running.at("kind").get<std::string>();
  const std::string labels = labels_text(running.at("labels"));
  std::string text = labels.empty() ? kind : labels;
  if (kind == "generate") {
    const auto begin = running.at("images").at(0).get<std::uint64_t>();
    const auto end = running.at("images").at(1).get<std::uint64_t>();
    text += fmt::format(": images {} to {}", begin, end > begin ? end - 1 : begin);
  } else if (!labels.empty()) {
    text += ": " + kind;
  }
  return text + fmt::format(", {:.0f} %", 100 * running.at("fraction").get<double>());
}

std::string failed_text(const Json& failed) {
  std::map<std::pair<std::string, std::string>, std::vector<const Json*>> cells;  // by reason
  std::vector<std::pair<std::string, std::string>> order;
  for (const Json& cell : failed) {
    const std::pair reason(cell.at("failure_class").get<std::string>(),
                           cell.at("reason").get<std::string>());
    if (!cells.contains(reason)) order.push_back(reason);
    cells[reason].push_back(&cell);
  }
  std::string text;
  for (const auto& reason : order) {
    const auto& alike = cells[reason];
    const Json& first = *alike.front();
    text += alike.size() == 1 ? std::string("  ") : fmt::format("  {} cells, from ", alike.size());
    text += fmt::format("cell {} ({}): {}: {}\n", first.at("number").get<std::uint64_t>(),
                        labels_text(first.at("labels")), reason.first, reason.second);
    for (const Json& line : first.at("log_tail"))
      text += fmt::format("    {}\n", line.get<std::string>());
  }
  return text;
}

std::string progress_line(const Json& status, const std::string& experiment) {
  std::string text;
  for (const Json& view : status.at("experiments")) {
    if (view.at("name") != experiment) continue;
    const Json& units = view.at("units");
    const auto count = [](const Json& object, const char* key) {
      return object.at(key).get<std::uint64_t>();
    };
    const auto done = count(units, "done");
    text = fmt::format(
        "{}/{} cells, {}/{} units", count(view, "cells_done"), count(view, "cells"), done,
        done + count(units, "waiting") + count(units, "ready") + count(units, "failed"));
    const auto total = view.at("gflops_total").get<double>();
    if (total > 0)
      text += fmt::format(" ({:.0f} % of the work)",
                          std::floor(100 * view.at("gflops_done").get<double>() / total));
    if (count(view, "cells_failed") > 0)
      text += fmt::format(", {} failed", count(view, "cells_failed"));
  }
  const auto speed = status.at("gflops_per_second").get<double>();
  if (speed > 0) text += fmt::format(", {:.3g} GFLOP/s", speed);
  const std::size_t workers = status.at("workers").size();
  text += fmt::format(", {} worker{}", workers, workers == 1 ? "" : "s");
  const Json& left = status.at("seconds_left");
  if (left.is_number() && left.get<double>() > 0)
    text += fmt::format(", {} left", duration_text(left.get<double>()));
  return text;
}

std::string health_text(const Json& worker) {
  const auto seconds = [&](const char* key) { return worker.at(key).get<double>(); };
  std::string text;
  const auto add = [&](std::string part) { text += (text.empty() ? "" : "; ") + std::move(part); };
  const std::string last = worker.at("last_failure").get<std::string>();
  if (worker.at("is_quarantined").get<bool>())
    add("in quarantine, since it fails where others succeed (" + last + ")");
  else if (seconds("rests_seconds") > 0)
    add(fmt::format("it rests after {} failed attempts in a row ({})",
                    worker.at("failures_in_a_row").get<std::size_t>(), last));
  if (seconds("rests_seconds") > 0)
    add("it gets a unit again in " + duration_text(std::ceil(seconds("rests_seconds"))));
  if (const std::string stalled = worker.at("stalled").get<std::string>(); !stalled.empty())
    add("it does not end " + stalled + ", which was taken elsewhere, and gets nothing more");
  else if (seconds("no_progress_seconds") > 0)
    add("it has come no further for " + duration_text(seconds("no_progress_seconds")));
  return text;
}

ProgressPrinter::ProgressPrinter() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressPrinter::show(const Json& status, const std::string& experiment) {
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

// /metrics: the snapshot in Prometheus' text format.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "coordinator/web/handler.h"

namespace isocost::web {
namespace {

std::string label(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return escaped;
}

// As the format writes numbers, which are not JSON's.
std::string metric_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  return number_text(value);
}

// One metric: its help, its type and a value for each set of labels.
void write_metric(std::string& text, std::string_view name, std::string_view type,
                  std::string_view help,
                  const std::vector<std::pair<std::string, double>>& values) {
  fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  for (const auto& [labels, value] : values)
    fmt::format_to(std::back_inserter(text), "{}{} {}\n", name,
                   labels.empty() ? "" : "{" + labels + "}", metric_number(value));
}

}  // namespace

std::string metrics_text(const core::Snapshot& snapshot) {
  std::string text;
  const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
  const core::UnitCounts& units = snapshot.units;
  write_metric(text, "isocost_units", "gauge", "Units by state.",
               {{"state=\"waiting\"", number(units.waiting)},
                {"state=\"ready\"", number(units.ready - std::min(units.ready, units.leased))},
                {"state=\"leased\"", number(units.leased)},
                {"state=\"done\"", number(units.done)},
                {"state=\"failed\"", number(units.failed)},
                {"state=\"cancelled\"", number(units.cancelled)}});
  write_metric(text, "isocost_workers", "gauge", "Workers that are attached.",
               {{"", number(snapshot.workers.size())}});
  write_metric(text, "isocost_gflops_per_second", "gauge", "What all workers compute.",
               {{"", snapshot.gflops_per_second}});
  write_metric(text, "isocost_results_repeated_total", "counter",
               "Results of units that were done.", {{"", number(snapshot.repeats)}});
  write_metric(text, "isocost_results_mismatched_total", "counter",
               "Repeated results with another digest.", {{"", number(snapshot.mismatches)}});
  write_metric(text, "isocost_coordinator_epoch", "gauge", "Starts on this database.",
               {{"", number(snapshot.epoch)}});
  write_metric(text, "isocost_workers_in_quarantine", "gauge",
               "Workers that fail where others succeed.",
               {{"", number(static_cast<std::uint64_t>(std::ranges::count_if(
                         snapshot.workers, &core::WorkerView::is_quarantined)))}});
  write_metric(text, "isocost_quarantines_total", "counter", "Workers that came into quarantine.",
               {{"", number(snapshot.quarantines)}});
  write_metric(text, "isocost_units_overdue_total", "counter",
               "Units that took too long and were taken elsewhere.",
               {{"", number(snapshot.stalls)}});
  write_metric(text, "isocost_units_made_again_total", "counter",
               "Units that were done and are made again, since their artifacts were lost.",
               {{"", number(snapshot.units_made_again)}});
  std::vector<std::pair<std::string, double>> incidents;
  incidents.reserve(std::size(log::kIncidents));
  for (const log::Incident kind : log::kIncidents)
    incidents.emplace_back("kind=\"" + std::string(log::incident_name(kind)) + "\"",
                           number(snapshot.incidents[static_cast<std::size_t>(kind)]));
  write_metric(text, "isocost_incidents_total", "counter",
               "What peers did that no healthy one does, by kind.", incidents);
  write_metric(text, "isocost_key_faults", "gauge",
               "What is wrong with the folder of allowed keys now.",
               {{"", number(snapshot.key_faults.size())}});
  std::vector<std::pair<std::string, double>> cells;
  for (const core::ExperimentView& experiment : snapshot.experiments) {
    const std::string name = "experiment=\"" + label(experiment.name) + "\",state=";
    cells.push_back({name + "\"done\"", number(experiment.cells_done)});
    cells.push_back({name + "\"failed\"", number(experiment.cells_failed)});
    cells.push_back({name + "\"cancelled\"", number(experiment.cells_cancelled)});
    cells.push_back({name + "\"open\"", number(experiment.cells) - number(experiment.cells_done) -
                                            number(experiment.cells_failed) -
                                            number(experiment.cells_cancelled)});
  }
  write_metric(text, "isocost_cells", "gauge", "Cells of each experiment by state.", cells);
  return text;
}

}  // namespace isocost::web

#include "coordinator/web/handler.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>
#include <vector>

#include "coordinator/web/json.h"

namespace isocost::web {
namespace {

constexpr std::size_t kSubmissionBytesMax = std::size_t{512} << 20;
constexpr std::size_t kOtherBytesMax = std::size_t{64} << 10;
constexpr std::string_view kExperiments = "/api/v1/experiments";

// Everything that is not ours to believe is shown as it is, with bad bytes replaced.
std::string text_of(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

Response json_response(const Json& json, int status = 200) {
  return {status, "application/json", text_of(json) + "\n"};
}

Response fault(int status, std::string where, std::string what, std::string expected = {}) {
  return fault_response(status,
                        Failure{{{std::move(where), std::move(what), std::move(expected)}}});
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

struct Target {
  std::string_view path;
  std::string_view query;
};

Target split(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

Result<int> priority_of(std::string_view query) {
  if (query.empty()) return 0;
  constexpr std::string_view kName = "priority=";
  int priority = 0;
  const char* const end = query.data() + query.size();
  if (query.starts_with(kName)) {
    const auto [stop, error] = std::from_chars(query.data() + kName.size(), end, priority);
    if (error == std::errc() && stop == end && priority >= -1000 && priority <= 1000)
      return priority;
  }
  return fail("query", "'" + std::string(query) + "' is not understood",
              "priority=N with N from -1000 to 1000");
}

Handled submit(const Request& request, std::string_view query) {
  const auto priority = priority_of(query);
  if (!priority) return fault_response(400, priority.error());
  std::istringstream small(request.body);
  auto submission = submission_from_text(
      request.large_body != nullptr ? *request.large_body : small, "submission");
  if (!submission) return fault_response(400, submission.error());
  return Action(Submit{std::move(*submission), *priority});
}

Response get_experiment(const std::string& name, const core::Snapshot& snapshot) {
  for (const core::ExperimentView& experiment : snapshot.experiments)
    if (experiment.name == name) return json_response(to_json(experiment));
  return fault(404, "experiment", "'" + name + "' is not known here");
}

template <class View>
Response list_response(const std::vector<View>& views) {
  Json list = Json::array();
  for (const View& view : views) list.push_back(to_json(view));
  return json_response(list);
}

Response get(std::string_view path, const core::Snapshot& snapshot) {
  if (path == "/") return {200, "text/html; charset=utf-8", std::string(page())};
  if (path == "/metrics")
    return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(snapshot)};
  if (path == "/api/v1/status") return json_response(to_json(snapshot));
  if (path == "/api/v1/workers") return list_response(snapshot.workers);
  if (path == kExperiments) return list_response(snapshot.experiments);
  if (path.starts_with(kExperiments) && path.size() > kExperiments.size() + 1) {
    const auto name = percent_decoded(path.substr(kExperiments.size() + 1));
    if (name) return get_experiment(*name, snapshot);
  }
  return fault(404, std::string(path), "there is nothing here",
               "/, /metrics or a path below /api/v1");
}

Handled change(const Request& request, const Target& target) {
  if (!request.content_type.starts_with("application/json"))
    return fault(415, "Content-Type", "'" + request.content_type + "' is not understood",
                 "application/json");
  const bool is_post = request.method == "POST";
  if (is_post && target.path == kExperiments) return submit(request, target.query);
  if (is_post && target.path == "/api/v1/retry") return Action(Retry{});
  constexpr std::string_view kRetry = "/retry";
  if (target.path.starts_with(kExperiments) && target.path.size() > kExperiments.size() + 1) {
    std::string_view name = target.path.substr(kExperiments.size() + 1);
    const bool is_retry = is_post && name.ends_with(kRetry);
    if (is_retry) name.remove_suffix(kRetry.size());
    const auto decoded = percent_decoded(name);
    if (decoded && is_retry) return Action(Retry{decoded});
    if (decoded && !is_post) return Action(Cancel{*decoded});
  }
  return fault(404, std::string(target.path), "there is nothing here to change");
}

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

Handled handle(const Request& request, const core::Snapshot& snapshot) {
  const Target target = split(request.target);
  if (request.method == "GET" || request.method == "HEAD") return get(target.path, snapshot);
  if (request.method == "POST" || request.method == "DELETE") return change(request, target);
  return fault(405, request.method, "this method is not understood", "GET, POST or DELETE");
}

Response perform(const Action& action, core::Commands& commands) {
  const auto respond = [](const auto& reply) {
    return reply ? json_response(to_json(*reply)) : fault_response(422, reply.error());
  };
  if (const auto* submit = std::get_if<Submit>(&action))
    return respond(commands.submit(submit->submission, submit->priority));
  if (const auto* cancel = std::get_if<Cancel>(&action))
    return respond(commands.cancel(cancel->experiment));
  return respond(commands.retry(std::get<Retry>(action).experiment));
}

Response fault_response(int status, const Failure& failure) {
  Json errors = Json::array();
  for (const Error& error : failure.errors)
    errors.push_back({{"where", error.where}, {"what", error.what}, {"expected", error.expected}});
  return json_response({{"errors", errors}}, status);
}

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
    cells.push_back({name + "\"open\"", number(experiment.cells) - number(experiment.cells_done) -
                                            number(experiment.cells_failed)});
  }
  write_metric(text, "isocost_cells", "gauge", "Cells of each experiment by state.", cells);
  return text;
}

std::size_t body_bytes_max(std::string_view method, std::string_view target) {
  return method == "POST" && split(target).path == kExperiments ? kSubmissionBytesMax
                                                                : kOtherBytesMax;
}

}  // namespace isocost::web

// isocost status: experiments, cells, failures and workers, asked of a coordinator or read from a
// database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/command.h"
#include "cli/http_client.h"
#include "cli/progress.h"
#include "coordinator/storage/reader.h"
#include "coordinator/web/json.h"

namespace isocost::cli {
namespace {

struct StatusOptions {
  CoordinatorAddress address;
  std::filesystem::path database;
  bool is_json = false;
};

void print_experiment(const core::ExperimentView& view) {
  std::string cells =
      fmt::format("{} of {} cells done, {} failed", view.cells_done, view.cells, view.cells_failed);
  if (view.cells_cancelled > 0) cells += fmt::format(", {} cancelled", view.cells_cancelled);
  std::string units = fmt::format("{} done, {} open, {} failed", view.units.done, view.units.open(),
                                  view.units.failed);
  if (view.units.cancelled > 0) units += fmt::format(", {} cancelled", view.units.cancelled);
  fmt::print("{}{}: {}; units: {}\n", view.name, view.is_cancelled ? " (cancelled)" : "", cells,
             units);
  fmt::print("{}", failed_text(view.failed, Logs::kShown));
}

void print(const core::Snapshot& status) {
  for (const core::ExperimentView& view : status.experiments) print_experiment(view);
  for (const core::WorkerView& worker : status.workers) {
    const std::string device = device_text(worker.device);
    fmt::print("worker {} ({})\n", worker.name, device.empty() ? worker.device_class : device);
    for (const core::RunningView& running : worker.running)
      fmt::print("  {}, {}\n", running_text(running), fraction_text(running));
    if (const std::string health = health_text(worker); !health.empty())
      fmt::print("  {}\n", health);
  }
  for (const core::GoneWorkerView& worker : status.gone_workers)
    fmt::print("worker {} {} {} ago: {}\n", worker.name, worker.is_lost ? "was lost" : "left",
               duration_text(worker.gone_seconds), worker.reason);
  for (const std::string& fault : status.key_faults) fmt::print("a key is left out: {}\n", fault);
  std::string incidents;
  for (const log::Incident kind : log::kIncidents)
    if (const auto count = status.incidents[static_cast<std::size_t>(kind)]; count != 0)
      incidents +=
          fmt::format("{}{} {}", incidents.empty() ? "" : ", ", count, log::incident_name(kind));
  if (!incidents.empty()) fmt::print("peers since the start (see the log): {}\n", incidents);
  for (const core::MissingInput& input : status.missing_inputs)
    fmt::print("no worker has {}\n", input.name);
  if (status.gflops_per_second > 0) fmt::print("{}\n", rate_text(status.gflops_per_second));
  if (status.missing_inputs.empty() && status.units.open() > 0 && status.seconds_left >= 0)
    fmt::print("{} left\n", duration_text(status.seconds_left));
}

// Of a running coordinator JSON is shown as it came: it may say more than this build knows.
int show_remote(const StatusOptions& options) {
  const auto answer = call(options.address, "GET", "/api/v1/status", "");
  if (!answer) return complain(answer.error());
  if (options.is_json) {
    fmt::print("{}\n", answer->dump(2));
    return kExitDone;
  }
  const auto snapshot = web::snapshot_from_json(*answer, "status");
  // Whoever answers at an address need not be a coordinator.
  if (!snapshot)
    return complain(options.address.url + ": the answer is not a coordinator's status", kExitInput);
  print(*snapshot);
  return kExitDone;
}

int show_database(const StatusOptions& options) {
  warn_of_loss(options.database);
  auto reader = storage::Reader::open(options.database);
  if (!reader) return complain(reader.error().message(), kExitInput);
  const core::Snapshot snapshot = (*reader)->snapshot();
  if (options.is_json)
    fmt::print("{}\n", web::to_json(snapshot).dump(2));
  else
    print(snapshot);
  return kExitDone;
}

int status(const StatusOptions& options) {
  return options.database.empty() ? show_remote(options) : show_database(options);
}

}  // namespace

void add_status(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Show experiments, failures and workers");
  add_address_options(*command, options->address);
  command->add_option("--db", options->database, "Read a database; no coordinator is asked");
  command->add_flag("--json", options->is_json, "As JSON");
  command->callback([options, &exit_code] { exit_code = status(*options); });
}

}  // namespace isocost::cli

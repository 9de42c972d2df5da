// isocost status: experiments, cells, failures and workers, asked of a coordinator or read from a
// database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
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

// Whatever peers said in it.
void print_line(const std::string& text) { fmt::print("{}\n", one_line(text)); }

void print_experiment(const core::ExperimentView& view) {
  std::string cells =
      fmt::format("{} of {} cells done, {} failed", view.cells_done, view.cells, view.cells_failed);
  if (view.cells_cancelled > 0) cells += fmt::format(", {} cancelled", view.cells_cancelled);
  std::string units = fmt::format("{} done, {} open, {} failed", view.units.done, view.units.open(),
                                  view.units.failed);
  if (view.units.cancelled > 0) units += fmt::format(", {} cancelled", view.units.cancelled);
  print_line(fmt::format("{}{}: {}; units: {}", view.name, view.is_cancelled ? " (cancelled)" : "",
                         cells, units));
  fmt::print("{}", failed_text(view.failed, Logs::kShown));
}

void print_workers(const core::Snapshot& status) {
  for (const core::WorkerView& worker : status.workers) {
    const std::string device = device_text(worker.device);
    print_line(
        fmt::format("worker {} ({})", worker.name, device.empty() ? worker.device_class : device));
    for (const core::RunningView& running : worker.running)
      print_line(fmt::format("  {}, {}", running_text(running), fraction_text(running)));
    if (const std::string health = health_text(worker); !health.empty()) print_line("  " + health);
  }
  for (const core::GoneWorkerView& worker : status.gone_workers)
    print_line(fmt::format("worker {} {} {} ago: {}", worker.name,
                           worker.is_lost ? "was lost" : "left", duration_text(worker.gone_seconds),
                           worker.reason));
}

void print(const core::Snapshot& status) {
  for (const core::ExperimentView& view : status.experiments) print_experiment(view);
  print_workers(status);
  for (const std::string& fault : status.key_faults) print_line("a key is left out: " + fault);
  std::string incidents;
  for (const log::Incident kind : log::kIncidents)
    if (const auto count = status.incidents[static_cast<std::size_t>(kind)]; count != 0)
      incidents +=
          fmt::format("{}{} {}", incidents.empty() ? "" : ", ", count, log::incident_name(kind));
  if (!incidents.empty()) fmt::print("peers since the start (see the log): {}\n", incidents);
  for (const core::MissingInput& input : status.missing_inputs)
    print_line("no worker has " + input.name);
  if (status.gflops_per_second > 0) fmt::print("{}\n", rate_text(status.gflops_per_second));
  if (status.missing_inputs.empty() && status.units.open() > 0 && status.seconds_left >= 0)
    fmt::print("{} left\n", duration_text(status.seconds_left));
}

// Of a running coordinator JSON is shown as it came: it may say more than this build knows.
int show_remote(const StatusOptions& options) {
  if (options.is_json) {
    const auto answer = call(options.address, "GET", kStatusPath, "");
    if (!answer) return complain(answer.error());
    fmt::print("{}\n", answer->dump(2, ' ', false, Json::error_handler_t::replace));
    return kExitDone;
  }
  const auto status = status_of(options.address);
  if (!status) return complain(status.error());
  print(*status);
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

// isocost status: experiments, cells, failures and workers.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/command.h"
#include "coordinator/storage/reader.h"

namespace isocost::cli {
namespace {

struct StatusOptions {
  std::filesystem::path database = "out/isocost.db";
  bool is_json = false;
};

void print(const core::Snapshot& snapshot) {
  for (const core::ExperimentView& view : snapshot.experiments) {
    fmt::print("{}{}: {} of {} cells done, {} failed; units: {} done, {} open, {} failed\n",
               view.name, view.is_cancelled ? " (cancelled)" : "", view.cells_done, view.cells,
               view.cells_failed, view.units.done, view.units.open(), view.units.failed);
    for (const core::FailedCellView& cell : view.failed) {
      fmt::print("  cell {} {}: {}: {}\n", cell.number, cell.labels.dump(), cell.failure_class,
                 cell.reason);
      for (const std::string& line : cell.log_tail) fmt::print("    {}\n", line);
    }
  }
}

int status(const StatusOptions& options) {
  auto reader = storage::Reader::open(options.database);
  if (!reader) return complain(reader.error().message());
  const core::Snapshot snapshot = (*reader)->snapshot();
  if (options.is_json)
    fmt::print("{}\n", core::to_json(snapshot).dump(2));
  else
    print(snapshot);
  return kExitDone;
}

}  // namespace

void add_status(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Show experiments, failures and workers");
  command->add_option("--db", options->database, "Read a database; no coordinator is asked")
      ->capture_default_str();
  command->add_flag("--json", options->is_json, "As JSON");
  command->callback([options, &exit_code] { exit_code = status(*options); });
}

}  // namespace isocost::cli

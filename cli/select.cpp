// isocost select EXPERIMENT: writes the finalists' grid.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/io/atomic_file.h"
#include "cli/command.h"
#include "coordinator/storage/reader.h"
#include "experiments/grid/select.h"
#include "schema/metrics/metric.h"
#include "schema/tasks/baseline.h"

namespace isocost::cli {
namespace {

struct Options {
  std::string experiment;
  std::filesystem::path database = "out/isocost.db";
  std::filesystem::path out;
  std::filesystem::path grid;
  experiments::SelectOptions select;
};

int select(const Options& options) {
  warn_of_loss(options.database);
  auto reader = storage::Reader::open(options.database);
  if (!reader) return complain(reader.error().message(), kExitInput);
  const auto judged = (*reader)->judged(options.experiment, options.select.metric);
  if (!judged) return complain(judged.error().message(), kExitInput);
  std::vector<experiments::JudgedPoint> points;
  for (const auto& cell : judged->cells)
    if (tasks::find_baseline(cell.task) == nullptr)  // nothing of it could be chosen
      points.push_back({cell.labels, cell.value, cell.range.end});
  experiments::SelectOptions select = options.select;
  std::string per;
  for (const std::string& axis : select.per) per += (per.empty() ? "" : ",") + axis;
  select.command = fmt::format("isocost select {} --best {} --per {} --top {} --images {}",
                               options.experiment, select.metric, per, select.top, select.images);
  select.out_folder = options.out.parent_path();
  select.grid_folder = options.grid.empty() ? select.out_folder : options.grid.parent_path();
  const auto catalog = experiments::disk_catalog(select.grid_folder);
  const auto text = experiments::select_grid(judged->grid, points, select, *catalog);
  if (!text) return complain(text.error().message(), kExitInput);
  io::write_file_atomically(options.out, *text);
  fmt::print("{}\n", options.out.string());
  return kExitDone;
}

}  // namespace

void add_select(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "select", "Write the grid of a study's best points, to be judged on fresh images");
  command->add_option("experiment", options->experiment, "Its name")->required();
  command->add_option("--db", options->database, "The study's database")->capture_default_str();
  command->add_option("--best", options->select.metric, "The metric that chooses")
      ->capture_default_str()
      ->check(CLI::IsMember(metrics::metric_names()));
  command
      ->add_option("--per", options->select.per, "Axes: the best within each of their combinations")
      ->delimiter(',');
  command->add_option("--top", options->select.top, "How many of each")->capture_default_str();
  command->add_option("--images", options->select.images, "Images of each finalist")->required();
  command
      ->add_option("--grid", options->grid,
                   "The grid file that was submitted, where it lies in another folder than "
                   "--out: its models are looked up beside it, and names are rewritten")
      ->check(CLI::ExistingFile);
  command->add_option("-o,--out", options->out, "The grid file to write")->required();
  command->callback([options, &exit_code] { exit_code = select(*options); });
}

}  // namespace isocost::cli

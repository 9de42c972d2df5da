// isocost plan GRID: what a grid is and will cost, before anything runs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/grid_input.h"
#include "coordinator/core/estimate.h"
#include "coordinator/storage/reader.h"

namespace isocost::cli {
namespace {

// One core of a current server processor on U-Nets of the mini family; script/bench engine measures
// yours.
constexpr double kAssumedGflopsPerSecond = 40;

struct PlanOptions {
  std::filesystem::path grid;
  std::filesystem::path database;
  double gflops_per_second = 0;
  unsigned workers = 1;
  bool is_json = false;
};

struct Speed {
  double gflops_per_second = kAssumedGflopsPerSecond;
  std::string source = "assumed; --gflops, or --db with results, says better";
};

std::string duration(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86400);
}

void print(const Submission& submission, const core::Estimate& estimate, const Speed& speed,
           double seconds, unsigned workers) {
  fmt::print("experiment      {}\n", submission.name);
  fmt::print("cells           {}\n", estimate.cells);
  fmt::print("images          {} wanted, {} there, {} new\n", estimate.images_wanted,
             estimate.images_wanted - std::min(estimate.images_wanted, estimate.images_new),
             estimate.images_new);
  fmt::print("units           {} new: {} generate, {} reference, {} score\n", estimate.units_new,
             estimate.generate_units, estimate.reference_units, estimate.score_units);
  fmt::print("network calls   {:.4g}\n", estimate.network_calls);
  fmt::print("TFLOPs          {:.4g}\n", estimate.gflops / 1000);
  fmt::print("disk            {:.2g} GB\n", estimate.bytes * 1e-9);
  fmt::print("expected time   {} on {} worker{} at {:.3g} GFLOP/s each ({})\n", duration(seconds),
             workers, workers == 1 ? "" : "s", speed.gflops_per_second, speed.source);
}

int plan(const PlanOptions& options) {
  const auto input = read_grid_input(options.grid);
  if (!input) return complain(input.error().message());
  core::Existing existing;
  Speed speed;
  if (!options.database.empty()) {
    auto reader = storage::Reader::open(options.database);
    if (!reader) return complain(reader.error().message());
    existing = (*reader)->existing(input->submission);
    if (const auto measured = (*reader)->measured_gflops_per_second()) {
      speed = {*measured, "measured by the units that are done"};
    }
  }
  if (options.gflops_per_second > 0) speed = {options.gflops_per_second, "as given"};
  const auto planned = core::plan_submission(input->submission, existing);
  if (!planned) return complain(planned.error().message());
  const core::Estimate estimate = core::estimate(input->submission, *planned);
  const double seconds = estimate.gflops / speed.gflops_per_second / options.workers;
  if (!options.is_json) {
    print(input->submission, estimate, speed, seconds, options.workers);
    return kExitDone;
  }
  Json json = core::to_json(estimate);
  json["experiment"] = input->submission.name;
  json["expected_seconds"] = seconds;
  json["gflops_per_second"] = speed.gflops_per_second;
  json["speed"] = speed.source;
  json["workers"] = options.workers;
  fmt::print("{}\n", json.dump(2));
  return kExitDone;
}

}  // namespace

void add_plan(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command =
      app.add_subcommand("plan", "Say what a grid is and will cost, before anything runs");
  command->add_option("grid", options->grid, "The grid file")->required();
  command->add_option("--db", options->database, "A study's database: what it holds is not new");
  command->add_option("--workers", options->workers, "That will compute")
      ->capture_default_str()
      ->check(CLI::Range(1U, 100000U));
  command->add_option("--gflops", options->gflops_per_second, "Speed of a worker in GFLOP/s")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->is_json, "As JSON");
  command->callback([options, &exit_code] { exit_code = plan(*options); });
}

}  // namespace isocost::cli

// isocost plan GRID: what a grid is and will cost, before anything runs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <vector>

#include "base/command_line.h"
#include "cli/command.h"
#include "cli/grid_input.h"
#include "cli/plan_speed.h"
#include "coordinator/core/estimate.h"
#include "coordinator/storage/reader.h"
#include "experiments/grid/cost.h"
#include "schema/tasks/baseline.h"
#include "schema/units/cell.h"

namespace isocost::cli {
namespace {

struct PlanOptions {
  std::filesystem::path grid;
  std::filesystem::path database;
  SpeedWishes speed;
  bool is_json = false;
};

// A data set that scores compare with, as a line and as JSON.
struct ReferenceLine {
  std::string text;
  Json json;
  bool operator==(const ReferenceLine&) const = default;
};

struct Plan {
  core::Estimate estimate;
  std::vector<experiments::AxisCost> axes;
  std::vector<std::string> models;
  std::vector<std::string> baselines;
  std::vector<ReferenceLine> references;
  std::vector<std::string> items;
  std::vector<std::string> notes;
  PlanSpeed speed;
  double seconds = 0;            // on all workers
  double gflops_per_second = 0;  // of one worker, on the whole
};

std::string duration(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86400);
}

std::vector<std::string> models_of(const Submission& submission) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const CellRequest& cell : submission.cells) {
    const auto unet = cell.sample.inputs.find("unet");
    if (unet == cell.sample.inputs.end()) continue;  // a baseline's
    std::string name = unet->second;
    if (const auto label = cell.labels.find("model"); label != cell.labels.end())
      name = label_text(*label);
    if (seen.insert(name).second) names.push_back(name);
  }
  return names;
}

// Each data set once, whatever the extractors that it goes through.
std::vector<ReferenceLine> references_of(const Submission& submission) {
  std::vector<ReferenceLine> lines;
  for (const auto& [key, spec] : submission.references) {
    const auto named = submission.input_names.find(spec.input);
    const std::string name = named != submission.input_names.end() ? named->second
                             : spec.kind == "world"
                                 ? "mini world (" + spec.options.value("split", std::string()) + ")"
                                 : spec.input;
    const Json count = spec.options.value("count", Json());
    ReferenceLine line{count.is_null()
                           ? name + ": statistics that do not tell their number of pictures"
                           : fmt::format("{}: n = {} pictures", name, canonical(count)),
                       {{"kind", spec.kind}, {"name", name}, {"n", count}}};
    if (std::find(lines.begin(), lines.end(), line) == lines.end())
      lines.push_back(std::move(line));
  }
  return lines;
}

// What cells begin with, each once: "photos (file_name), crop, 4 times smaller by bicubic".
std::vector<std::string> items_of(const Submission& submission) {
  std::vector<std::string> lines;
  std::set<std::string> seen;
  for (const CellRequest& cell : submission.cells) {
    const ItemsSpec& items = cell.sample.items;
    if (items.is_empty() || tasks::find_baseline(cell.sample.task) != nullptr) continue;
    std::string line;
    for (const auto& [slot, digest] : items.inputs) {
      const auto named = submission.input_names.find(digest);
      line += (line.empty() ? "" : ", ") +
              (named == submission.input_names.end() ? digest : named->second);
    }
    if (line.empty()) line = items.kind + " " + canonical(items.options);
    line += ", " + items.fit;
    if (items.factor > 1) line += fmt::format(", {} times smaller", items.factor);
    if (!items.degradation.is_null())
      line += " by " + items.degradation.at("name").get<std::string>();
    if (seen.insert(line).second) lines.push_back(std::move(line));
  }
  return lines;
}

// The cells that no network draws: "enlarge bicubic".
std::vector<std::string> baselines_of(const Submission& submission) {
  std::vector<std::string> names;
  for (const CellRequest& cell : submission.cells)
    if (tasks::find_baseline(cell.sample.task) != nullptr)
      names.push_back(cell.labels.contains("task")
                          ? label_text(cell.labels["task"]) + " " + cell.sample.task
                          : cell.sample.task);
  return names;
}

// "a, b, c and 4 more": a table's line holds a few.
std::string listed(const std::vector<std::string>& words, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(words.size(), most); ++i)
    text += (text.empty() ? "" : ", ") + words[i];
  return words.size() > most ? fmt::format("{} and {} more", text, words.size() - most) : text;
}

std::string axes_line(const std::vector<experiments::AxisCost>& axes) {
  std::vector<std::string> words;
  words.reserve(axes.size());
  for (const experiments::AxisCost& axis : axes)
    words.push_back(fmt::format("{} {}", axis.values.size(), axis.name));
  return listed(words, 12);
}

// "steps: 20 takes 59 % of the FLOPs in 33 % of the cells; 10 29 %, 4 12 %".
std::string costly_line(const experiments::AxisCost& axis) {
  const std::vector<experiments::ValueCost> values = axis.dearest_first();
  double cells = 0;
  for (const experiments::ValueCost& value : values) cells += static_cast<double>(value.cells);
  std::vector<std::string> others;
  for (std::size_t i = 1; i < values.size(); ++i)
    others.push_back(
        fmt::format("{} {:.0f} %", label_text(values[i].value), 100 * values[i].share));
  return fmt::format("{}: {} takes {:.0f} % of the FLOPs in {:.0f} % of the cells; {}", axis.name,
                     label_text(values[0].value), 100 * values[0].share,
                     100 * static_cast<double>(values[0].cells) / cells, listed(others, 5));
}

void print(const Submission& submission, const Plan& plan) {
  const core::Estimate& estimate = plan.estimate;
  fmt::print("experiment      {}\n", submission.name);
  fmt::print("models          {}: {}\n", plan.models.size(), listed(plan.models, 8));
  fmt::print("axes            {}\n", axes_line(plan.axes));
  fmt::print("cells           {}\n", estimate.cells);
  if (!plan.baselines.empty())
    fmt::print("baselines       {} of the cells: {}\n", plan.baselines.size(),
               listed(plan.baselines, 8));
  for (const ReferenceLine& reference : plan.references)
    fmt::print("reference       {}\n", reference.text);
  for (const std::string& items : plan.items) fmt::print("items           {}\n", items);
  const std::string queued =
      estimate.images_queued == 0 ? "" : fmt::format("{} queued, ", estimate.images_queued);
  fmt::print("images          {} wanted, {} there, {}{} new\n", estimate.images_wanted,
             estimate.images_there(), queued, estimate.images_new);
  fmt::print("units           {} new: {} generate, {} reference, {} score\n", estimate.units_new,
             estimate.generate_units, estimate.reference_units, estimate.score_units);
  fmt::print("network calls   {:.4g}\n", estimate.network_calls);
  fmt::print("TFLOPs          {:.4g}\n", estimate.gflops / 1000);
  if (const auto* axis = experiments::most_costly(plan.axes))
    fmt::print("most costly     {}\n", costly_line(*axis));
  fmt::print("disk            {:.2g} GB\n", estimate.bytes * 1e-9);
  const unsigned workers = plan.speed.workers;
  if (!plan.speed.machines.empty()) fmt::print("devices         {}\n", plan.speed.machines);
  fmt::print("expected time   {} on {} worker{} at {:.3g} GFLOP/s each ({})\n",
             duration(plan.seconds), workers, workers == 1 ? "" : "s", plan.gflops_per_second,
             plan.speed.source);
  for (const std::string& note : plan.notes) fmt::print("note            {}\n", note);
}

Json as_json(const Submission& submission, const Plan& plan) {
  Json json = core::to_json(plan.estimate);
  json["experiment"] = submission.name;
  json["models"] = plan.models;
  json["baselines"] = plan.baselines;
  json["references"] = Json::array();
  for (const ReferenceLine& reference : plan.references)
    json["references"].push_back(reference.json);
  json["items"] = plan.items;
  json["notes"] = plan.notes;
  json["axes"] = Json::array();
  for (const experiments::AxisCost& axis : plan.axes) json["axes"].push_back(to_json(axis));
  const auto* costly = experiments::most_costly(plan.axes);
  json["most_costly_axis"] = costly == nullptr ? Json() : Json(costly->name);
  json["expected_seconds"] = plan.seconds;
  json["gflops_per_second"] = plan.gflops_per_second;
  json["is_speed_measured"] = plan.speed.is_measured;
  json["speed"] = plan.speed.source;
  const devices::Device* device = plan.speed.worker.device;
  json["device"] = device == nullptr ? Json() : Json(std::string(device->name));
  json["devices"] = plan.speed.machines;
  json["workers"] = plan.speed.workers;
  return json;
}

int plan(const PlanOptions& options) {
  const auto input = read_grid_input(options.grid);
  if (!input) return complain(input.error().message(), kExitInput);
  const Submission& submission = input->submission;
  core::Existing existing;
  core::Speeds seen;
  if (!options.database.empty()) {
    warn_of_loss(options.database);
    auto reader = storage::Reader::open(options.database);
    if (!reader) return complain(reader.error().message(), kExitInput);
    existing = (*reader)->existing(submission);
    seen = (*reader)->speeds();
  }
  const auto planned = core::plan_submission(submission, existing);
  if (!planned) return complain(planned.error().message(), kExitInput);
  auto speed = plan_speed(options.speed, *input, seen);
  if (!speed) return complain(speed.error().message(), kExitInput);
  const double on_one = core::seconds_of(submission, *planned, speed->worker);
  Plan plan{.estimate = core::estimate(submission, *planned),
            .axes = experiments::cost_by_axis(submission),
            .models = models_of(submission),
            .baselines = baselines_of(submission),
            .references = references_of(submission),
            .items = items_of(submission),
            .notes = input->notes,
            .speed = std::move(*speed)};
  for (std::string& note : too_large(submission, plan.speed)) plan.notes.push_back(std::move(note));
  plan.seconds = on_one / plan.speed.workers;
  plan.gflops_per_second =
      on_one > 0 ? plan.estimate.gflops / on_one : plan.speed.worker.gflops_per_second;
  if (options.is_json)
    fmt::print("{}\n", as_json(submission, plan).dump(2));
  else
    print(submission, plan);
  return kExitDone;
}

}  // namespace

void add_plan(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command =
      app.add_subcommand("plan", "Say what a grid is and will cost, before anything runs");
  command->add_option("grid", options->grid, "The grid file")->required();
  command->add_option("--db", options->database, "A study's database: what it holds is not new");
  SpeedWishes& speed = options->speed;
  command
      ->add_option(
          "--workers,-w", speed.workers,
          "That will compute; default: as many as `run` would start here, or one of --device")
      ->check(kWholeNumber)
      ->check(CLI::Range(1U, 100000U));
  auto* device = command->add_option("--device", speed.device,
                                     "What each worker computes on: \"H100\", \"RTX 4090\", cpu");
  auto* gflops =
      command->add_option("--gflops", speed.gflops_per_second, "Speed of a worker in GFLOP/s")
          ->check(kPositiveNumber)
          ->excludes(device);
  command
      ->add_flag("--calibrate", speed.is_calibrated,
                 "Measure the grid's networks on this machine, about ten seconds")
      ->excludes(device)
      ->excludes(gflops);
  command->add_option("--models", speed.models, "Further folders in which a calibration looks");
  command->add_option("--worker-program", speed.worker_program, "Instead of isocost-worker");
  command->add_flag("--json", options->is_json, "As JSON");
  command->callback([options, &exit_code] { exit_code = plan(*options); });
}

}  // namespace isocost::cli

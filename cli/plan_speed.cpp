#include "cli/plan_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/io/atomic_file.h"
#include "base/io/temporary_folder.h"
#include "cli/command.h"
#include "cli/local_workers.h"
#include "cli/output_of.h"
#include "cli/progress.h"
#include "schema/units/cell.h"

namespace isocost::cli {
namespace {

// Loading networks takes longer than measuring them.
constexpr std::chrono::minutes kCalibrationMax{30};
constexpr std::size_t kNetworksMax = 32;    // further ones have the speed of all
constexpr double kCalibrationSeconds = 10;  // of all networks together

std::string name_of(const CellRequest& cell) {
  const auto label = cell.labels.find("model");
  return label == cell.labels.end() ? "the network" : label_text(*label);
}

// A cell of each network, the first. Baselines have none.
std::map<std::string, const CellRequest*> networks_of(const Submission& submission) {
  std::map<std::string, const CellRequest*> networks;
  for (const CellRequest& cell : submission.cells)
    if (const auto unet = cell.sample.inputs.find("unet"); unet != cell.sample.inputs.end())
      networks.emplace(unet->second, &cell);
  return networks;
}

std::string sheet_text(const devices::Device& device) {
  return fmt::format(
      "{:.3g} TFLOP/s in float32 and {:.3g} in half precision by {}, of which {:.0f} % and {:.0f} "
      "% "
      "are assumed",
      device.float32_tflops, device.half_tflops, device.source, 100 * devices::kShareOfFloat32,
      100 * devices::kShareOfHalf);
}

// Runs the worker program, which measures each network.
Result<core::Speeds> calibrate(const SpeedWishes& wishes, const GridInput& input,
                               const std::filesystem::path& program) {
  Json request = {
      {"seconds", kCalibrationSeconds}, {"networks", Json::array()}, {"prompts", Json::object()}};
  for (const auto& [unused, cell] : networks_of(input.submission)) {
    if (request["networks"].size() == kNetworksMax) break;
    request["networks"].push_back(
        {{"sample", to_json(cell->sample)}, {"cost", to_json(cell->cost)}});
    const auto prompts = input.submission.blobs.find(cell->sample.prompts);
    if (prompts != input.submission.blobs.end())
      request["prompts"][prompts->first] = prompts->second;
  }
  // More than a command line holds.
  const io::TemporaryFolder scratch("plan");
  const std::filesystem::path file = scratch.path() / "request.json";
  io::write_file_atomically(file, request.dump());
  std::vector<std::string> command{program.string(), "calibrate", "--request", file.string()};
  for (const auto* folders : {&input.models, &wishes.models})
    for (const std::filesystem::path& folder : *folders)
      command.insert(command.end(), {"--models", folder.string()});
  const auto told = output_of(std::move(command), kCalibrationMax, Errors::kShown);
  if (!told) return fail(told.error());
  const auto json = parse_json(*told, "calibration");
  if (!json) return fail(json.error());
  core::Speeds speeds;
  const auto list = json->is_object() ? json->find("networks") : json->end();
  if (!json->is_object() || list == json->end() || !list->is_array())
    return fail("calibration", "the answer is none", "a list of networks");
  for (const Json& one : *list)
    if (one.is_object() && one.value("seconds", 0.0) > 0)
      speeds.observe({.kind = UnitKind::kGenerate,
                      .affinity = one.value("unet", std::string()),
                      .gflops = one.value("gflops", 0.0)},
                     one.value("seconds", 0.0));
  if (!speeds.gflops_per_second()) return fail("calibration", "it measured nothing", "a speed");
  return speeds;
}

// "4 x cuda, NVIDIA H100, 80 GB", alike ones counted.
std::string devices_text(const std::vector<LocalDevice>& found) {
  std::map<std::string, int> counts;
  for (const LocalDevice& device : found) {
    Json rest = device.description;
    if (device.is_gpu() && rest.is_object()) rest.erase("device");
    ++counts[device_text(rest)];
  }
  std::string text;
  for (const auto& [name, count] : counts)
    text += (text.empty() ? "" : "; ") + (count > 1 ? fmt::format("{} x ", count) : "") + name;
  return text;
}

// None, and a warning: the program does not tell.
std::vector<LocalDevice> devices_here(const std::filesystem::path& program) {
  const auto found = find_devices(program);
  if (found) return *found;
  warn(found.error().message() + "; give --workers and --device");
  return {};
}

class Chooser {
 public:
  Chooser(const SpeedWishes& wishes, const GridInput& input, const core::Speeds& seen)
      : wishes_(wishes), input_(input) {
    speed_.workers = wishes.workers.value_or(1);
    if (seen.gflops_per_second()) by_database(seen);
  }

  Result<PlanSpeed> run() {
    if (wishes_.gflops_per_second > 0) return as_given();
    if (!wishes_.device.empty()) return by_table();
    return by_this_machine();
  }

 private:
  void by_database(const core::Speeds& seen) {
    speed_.worker.seen = seen;
    speed_.worker.gflops_per_second = *seen.gflops_per_second();
    speed_.source = "measured by the units that are done";
    speed_.is_measured = true;
  }

  PlanSpeed as_given() {
    speed_ = {.worker = {.gflops_per_second = wishes_.gflops_per_second},
              .source = "as given",
              .workers = speed_.workers};
    return speed_;
  }

  // What a database measured may have been measured elsewhere.
  Result<PlanSpeed> by_table() {
    speed_ = {.workers = speed_.workers};
    speed_.machines = fmt::format("{} x {}", speed_.workers, wishes_.device);
    if (wishes_.device == "cpu") {
      speed_.source = "measured on one core with small networks; --calibrate says better";
      return speed_;
    }
    const auto device = devices::find_device(wishes_.device);
    if (!device) return fail(device.error());
    speed_.worker.device = *device;
    speed_.machines = fmt::format("{} x {}", speed_.workers, (*device)->name);
    speed_.source = sheet_text(**device);
    return speed_;
  }

  Result<PlanSpeed> by_this_machine() {
    const auto program = find_worker_program(wishes_.worker_program);
    if (!program) {
      if (wishes_.is_calibrated || !wishes_.worker_program.empty()) return fail(program.error());
      if (!speed_.is_measured)
        speed_.source =
            "assumed of one core; --device, --gflops, or --db with results, says better";
      return speed_;
    }
    const bool is_speed_open = !wishes_.is_calibrated && !speed_.is_measured;
    const std::vector<LocalDevice> found =
        !wishes_.workers || is_speed_open ? devices_here(*program) : std::vector<LocalDevice>{};
    if (!wishes_.workers) speed_.workers = static_cast<unsigned>(default_workers(found));
    if (!found.empty()) speed_.machines = devices_text(found) + " here";
    if (wishes_.is_calibrated) {
      const auto measured = calibrate(wishes_, input_, *program);
      if (!measured) return fail(measured.error());
      speed_.worker.seen = *measured;
      speed_.worker.gflops_per_second = *measured->gflops_per_second();
      speed_.source = "measured on this machine";
      speed_.is_measured = true;
    }
    if (!speed_.is_measured) assume(found);
    return speed_;
  }

  void assume(const std::vector<LocalDevice>& found) {
    const auto gpu = std::find_if(found.begin(), found.end(),
                                  [](const LocalDevice& device) { return device.is_gpu(); });
    if (gpu == found.end()) {
      speed_.source = "assumed of one core; --calibrate says better";
      return;
    }
    const std::string name =
        gpu->description.is_object() ? gpu->description.value("name", std::string()) : "";
    if (const auto device = devices::find_device(name)) {
      speed_.worker.device = *device;
      speed_.source = sheet_text(**device);
    } else {
      speed_.source =
          "that of one core, since the GPU '" + name + "' is not known; --calibrate says better";
    }
  }

  const SpeedWishes& wishes_;
  const GridInput& input_;
  PlanSpeed speed_;
};

}  // namespace

Result<PlanSpeed> plan_speed(const SpeedWishes& wishes, const GridInput& input,
                             const core::Speeds& seen) {
  return Chooser(wishes, input, seen).run();
}

std::vector<std::string> too_large(const Submission& submission, const PlanSpeed& speed) {
  std::vector<std::string> notes;
  if (speed.worker.device == nullptr) return notes;
  for (const auto& [unused, cell] : networks_of(submission)) {
    const double gigabytes = static_cast<double>(cell->cost.weight_bytes) * 1e-9;
    if (gigabytes > speed.worker.device->memory_gb)
      notes.push_back(fmt::format("{} has {:.0f} GB of weights, and the {} has {:.0f} GB of memory",
                                  name_of(*cell), gigabytes, speed.worker.device->name,
                                  speed.worker.device->memory_gb));
  }
  return notes;
}

}  // namespace isocost::cli

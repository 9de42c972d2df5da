#include "worker/calibrate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/digest.h"
#include "base/json_reader.h"
#include "schema/units/kind.h"

namespace isocost::worker {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::size_t kNetworksMax = 64;
constexpr int kFewSteps = 2;
constexpr const char* kPrompt = "{\"prompt\": \"a photograph of a lighthouse\"}\n";

struct Network {
  SampleSpec sample;
  CellCost cost;
};

struct CalibrationRequest {
  double seconds = 10;
  std::vector<Network> networks;
};

Result<CalibrationRequest> parse_request(const std::string& text) {
  const auto json = parse_json(text, "request");
  if (!json) return fail(json.error());
  JsonReader reader(*json, "request");
  CalibrationRequest request;
  request.seconds = reader.get<double>("seconds");
  const Json& networks = reader.raw("networks");
  if (!networks.is_array() || networks.empty() || networks.size() > kNetworksMax)
    reader.fault("networks", "this is no list of networks",
                 fmt::format("1 to {} of them", kNetworksMax));
  if (!(request.seconds > 0 && request.seconds <= 3600))
    reader.fault("seconds", "so long nothing is measured", "above 0, an hour at most");
  if (!reader.ok()) return fail(reader.take());
  for (const Json& one : networks) {
    const std::string where = fmt::format("request.networks[{}]", request.networks.size());
    JsonReader network(one, where);
    auto sample = sample_spec_from_json(network.raw("sample"), where + ".sample");
    auto cost = cell_cost_from_json(network.raw("cost"), where + ".cost");
    if (!sample) return fail(std::move(sample.error()));
    if (!cost) return fail(std::move(cost.error()));
    request.networks.push_back({std::move(*sample), *cost});
  }
  return request;
}

// A folder that is gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "isocost-calibrate-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct Measured {
  double gflops = 0;
  double seconds = 0;
};

class Calibration {
 public:
  Calibration(agent::Executor& executor, std::string prompts)
      : executor_(executor), prompts_(std::move(prompts)) {}

  Result<Measured> measure(const Network& network, double seconds) {
    const int group = network.sample.group_size;
    auto first = draw(network, 1, kFewSteps);  // loads the network
    if (!first || first->seconds >= seconds) return first;
    auto warm = draw(network, 1, kFewSteps);
    if (!warm) return warm;
    // What the rest of the time allows, by how long one picture took.
    const double left = seconds - first->seconds - warm->seconds;
    const double times = left / std::max(warm->seconds, 1e-6);
    if (times < 2) return warm;
    const int images = std::clamp(static_cast<int>(std::min(times, 1e6)), 1, group);
    const int steps_there = network.sample.sampler.value("steps", kFewSteps);
    const double steps = kFewSteps * times / images;
    return draw(network, images,
                std::clamp(static_cast<int>(std::min(steps, 1e6)), kFewSteps,
                           std::max(kFewSteps, steps_there)));
  }

 private:
  Result<Measured> draw(const Network& network, int images, int steps) {
    GenerateUnit unit{network.sample, {0, static_cast<std::uint64_t>(images)}, {}, 0};
    unit.sample.prompts = prompts_;
    unit.sample.group_size = images;
    unit.sample.sampler["steps"] = steps;
    CellCost cost = network.cost;
    const std::uint64_t branches = std::max<std::uint64_t>(
        1, cost.calls_per_image / std::max<std::uint64_t>(1, cost.steps_calls));
    cost.steps_calls = static_cast<std::uint64_t>(steps);
    cost.calls_per_image = cost.steps_calls * branches;
    const units::Kind& kind = units::row_of(UnitKind::kGenerate);
    agent::LeasedUnit leased{.name = unit_name(unit), .kind = kind.kind, .body = {}, .needs = {}};
    leased.body = Json::parse(body_text(UnitBody(unit)));
    agent::Progress progress;
    const auto begin = steady_clock::now();
    const auto outcome = executor_.execute(leased, progress);
    const std::chrono::duration<double> took = steady_clock::now() - begin;
    if (!outcome)
      return fail("calibrate", std::string(failure_class_name(outcome.error().failure_class)) +
                                   ": " + outcome.error().reason);
    return Measured{kind.price(unit.range.size(), cost), took.count()};
  }

  agent::Executor& executor_;
  std::string prompts_;
};

int complain_of(const Failure& failure) {
  std::fprintf(stderr, "isocost-worker: %s\n", failure.message().c_str());
  return kExitRefused;
}

}  // namespace

void add_calibrate_options(CLI::App& command, CalibrateOptions& options) {
  command.add_option("--request", options.request, "What to measure, as JSON")->required();
  command.add_option("--models", options.models, "Folders in which networks are looked for");
  command.add_option("--device", options.device, "auto, cpu or cuda:N")->capture_default_str();
  command.add_option("--dtype", options.dtype,
                     "fp32, bf16 or fp16; default: what each sample says");
  command.add_option("--threads", options.threads, "Computing threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
}

int calibrate(const CalibrateOptions& options, const MakeExecutor& make) {
  const auto request = parse_request(options.request);
  if (!request) return complain_of(request.error());
  const TemporaryFolder folder;
  io::ArtifactStore store(folder.path());
  const std::string prompts = store.put(kPrompt).name();
  ServeOptions serving;
  serving.models = options.models;
  serving.device = options.device;
  serving.dtype = options.dtype;
  serving.threads = options.threads;
  auto executor = make(serving, store);
  if (!executor) return complain_of(executor.error());
  Calibration calibration(**executor, prompts);
  Json answer = {{"device", (*executor)->device()}, {"networks", Json::array()}};
  const double share = request->seconds / static_cast<double>(request->networks.size());
  for (const Network& network : request->networks) {
    const auto measured = calibration.measure(network, share);
    if (!measured) return complain_of(measured.error());
    const auto unet = network.sample.inputs.find("unet");
    answer["networks"].push_back({{"unet", unet == network.sample.inputs.end() ? "" : unet->second},
                                  {"gflops", measured->gflops},
                                  {"seconds", measured->seconds}});
  }
  std::printf("%s\n", answer.dump().c_str());
  return kExitDone;
}

}  // namespace isocost::worker

#include "worker/calibrate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/digest.h"
#include "base/io/atomic_file.h"
#include "base/io/temporary_folder.h"
#include "base/json_reader.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"
#include "schema/units/kind.h"

namespace isocost::worker {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kNetworksMax = 64;
constexpr std::size_t kFewCalls = 2;

struct Network {
  SampleSpec sample;
  CellCost cost;
  const tasks::TaskKind* task = nullptr;
  sampling::SamplerConfig sampler;

  // Of one image in so many steps.
  [[nodiscard]] tasks::Calls calls(int steps) const {
    sampling::SamplerConfig config = sampler;
    config.steps = steps;
    return task->calls(config, sample.guidance, sample.parameters);
  }
  // The fewest steps that make so many calls; all that it has where none make them.
  [[nodiscard]] int steps_for(std::size_t wanted) const {
    int steps = 1;
    while (steps < sampler.steps && calls(steps).calls < wanted) ++steps;
    return steps;
  }
};

struct CalibrationRequest {
  double seconds = 10;
  std::vector<Network> networks;
  std::vector<std::string> prompts;  // files
};

Result<Network> parse_network(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  Network network;
  network.sample = reader.take(sample_spec_from_json(reader.raw("sample"), where + ".sample"));
  network.cost = reader.take(cell_cost_from_json(reader.raw("cost"), where + ".cost"));
  if (!reader.ok()) return fail(reader.take());
  const SampleSpec& sample = network.sample;
  network.task = tasks::find_task(sample.task);
  if (network.task == nullptr)
    return fail(where + ".sample.task", "'" + sample.task + "' is no task of a network",
                "one of: " + joined(tasks::task_names()));
  network.sampler =
      reader.take(sampling::sampler_config_from_json(sample.sampler, where + ".sample.sampler"));
  const auto fits = tasks::check_parameters(*network.task, sample.parameters, sample.guidance,
                                            where + ".sample.parameters");
  if (!reader.ok()) return fail(reader.take());
  if (!fits) return fail(fits.error());
  if (network.calls(network.sampler.steps).calls == 0)
    return fail(where + ".sample", "its steps leave no call of the network", "one or more");
  return network;
}

// Keeps those whose content is what they are called by.
void parse_prompts(JsonReader& reader, std::vector<std::string>& prompts) {
  const Json& blobs = reader.raw("prompts");
  if (!blobs.is_object()) {
    reader.fault("prompts", "this is no object", "the content of files by their digests");
    return;
  }
  for (const auto& [digest, text] : blobs.items()) {
    if (!text.is_string() || sha256(text.get_ref<const std::string&>()).name() != digest)
      reader.fault("prompts", "the content of " + digest.substr(0, 80) + " is another",
                   "a text with that digest");
    else
      prompts.push_back(text.get<std::string>());
  }
}

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
  parse_prompts(reader, request.prompts);
  if (!reader.ok()) return fail(reader.take());
  for (const Json& one : networks) {
    auto network = parse_network(one, fmt::format("request.networks[{}]", request.networks.size()));
    if (!network) return fail(std::move(network.error()));
    request.networks.push_back(std::move(*network));
  }
  return request;
}

struct Measured {
  double gflops = 0;
  double seconds = 0;
};

class Calibration {
 public:
  explicit Calibration(agent::Executor& executor) : executor_(executor) {}

  Result<Measured> measure(const Network& network, double seconds) {
    const int few = network.steps_for(kFewCalls);
    auto first = draw(network, 1, few);  // loads the network
    if (!first || first->seconds >= seconds) return first;
    auto warm = draw(network, 1, few);
    if (!warm) return warm;
    // What the rest of the time allows, by how long one picture took.
    const double left = seconds - first->seconds - warm->seconds;
    const double times = std::min(left / std::max(warm->seconds, 1e-6), 1e6);
    if (times < 2) return warm;
    const int images = std::clamp(static_cast<int>(times), 1, network.sample.group_size);
    const double calls = std::floor(static_cast<double>(network.calls(few).calls) * times / images);
    const int steps = network.steps_for(static_cast<std::size_t>(calls));
    return draw(network, images, std::max(few, steps));
  }

 private:
  Result<Measured> draw(const Network& network, int images, int steps) {
    GenerateUnit unit{network.sample, {0, static_cast<std::uint64_t>(images)}, {}, 0};
    unit.sample.group_size = images;
    sampling::SamplerConfig sampler = network.sampler;
    sampler.steps = steps;
    unit.sample.sampler = sampling::to_json(sampler);
    const tasks::Calls calls = network.calls(steps);
    CellCost cost = network.cost;
    cost.steps_calls = calls.calls;
    cost.calls_per_image = calls.evaluations();
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
};

int complain_of(const Failure& failure) {
  std::fprintf(stderr, "isocost-worker: %s\n", failure.message().c_str());
  return kExitRefused;
}

}  // namespace

void add_calibrate_options(CLI::App& command, CalibrateOptions& options) {
  command.add_option("--request", options.request, "What to measure, a file of JSON")->required();
  command.add_option("--models", options.models, "Folders in which networks are looked for");
  command.add_option("--device", options.device, "auto, cpu or cuda:N")->capture_default_str();
  command.add_option("--dtype", options.dtype,
                     "fp32, bf16 or fp16; default: what each sample says");
  command.add_option("--threads", options.threads, "Computing threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
}

int calibrate(const CalibrateOptions& options, const MakeExecutor& make) {
  const auto text = io::read_file(options.request);
  if (!text) return complain_of(text.error());
  const auto request = parse_request(*text);
  if (!request) return complain_of(request.error());
  const io::TemporaryFolder folder("calibrate");
  io::ArtifactStore store(folder.path());
  for (const std::string& prompts : request->prompts) store.put(prompts);
  ServeOptions serving;
  serving.models = options.models;
  serving.device = options.device;
  serving.dtype = options.dtype;
  serving.threads = options.threads;
  auto executor = make(serving, store);
  if (!executor) return complain_of(executor.error());
  Calibration calibration(**executor);
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

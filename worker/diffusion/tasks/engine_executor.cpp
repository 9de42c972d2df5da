#include "worker/diffusion/tasks/engine_executor.h"

#include <chrono>
#include <new>
#include <system_error>

#include "schema/prompts.h"
#include "worker/diffusion/models/device.h"
#include "worker/diffusion/tasks/device.h"
#include "worker/diffusion/tasks/failures.h"

namespace isocost::diffusion {

Result<std::unique_ptr<EngineExecutor>> EngineExecutor::create(const EngineOptions& options,
                                                               io::ArtifactStore& store) {
  Failure failure;
  const auto device = open_device(options.device);
  if (!device) failure.add(device.error());
  if (!options.dtype.empty() && !parse_dtype(options.dtype))
    failure.add("--dtype", "'" + options.dtype + "' is unknown", "fp32, bf16 or fp16");
  for (const auto& root : options.models) {
    if (!std::filesystem::exists(root))
      failure.add(root.string(), "this model folder is missing", "a folder with models");
  }
  if (options.threads < 1) failure.add("--threads", std::to_string(options.threads), "1 or more");
  if (!failure.is_empty()) return fail(std::move(failure));
  at::set_num_threads(options.threads);
  return std::unique_ptr<EngineExecutor>(new EngineExecutor(options, *device, store));
}

EngineExecutor::EngineExecutor(const EngineOptions& options, at::Device device,
                               io::ArtifactStore& store)
    : options_(options),
      device_(device),
      store_(store),
      cache_(options.models, device, options.dtype),
      device_class_(device_class_name(device, options.threads) +
                    (options.dtype.empty() ? "" : " dtype-" + options.dtype)) {}

std::vector<std::string> EngineExecutor::inventory() {
  std::vector<std::string> digests;
  for (const auto& [digest, path] : cache_.rescan().inputs) digests.push_back(digest);
  return digests;
}

std::string EngineExecutor::device_class() const { return device_class_; }

Json EngineExecutor::device() const { return device_description(device_, options_.threads); }

std::vector<std::string> EngineExecutor::warm() const { return cache_.warm_unets(); }

tl::expected<UnitResult, UnitFailure> EngineExecutor::execute(const agent::LeasedUnit& unit,
                                                              agent::Progress& progress) {
  const at::NoGradGuard no_gradients;
  const PeakMemory peak(device_);
  const auto start = std::chrono::steady_clock::now();
  Outcome outcome = caught(unit, progress);
  if (!outcome) {
    // What is warm may be what there was no room beside; the next attempt begins without it.
    if (outcome.error().failure_class == FailureClass::kOutOfMemory) cache_.clear();
    return outcome;
  }
  outcome->unit = unit.name;
  outcome->device_class = device_class_;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  outcome->measured = {
      {"seconds", seconds.count()}, {"peak_bytes", peak.bytes()}, {"device", device_.str()}};
  return outcome;
}

// The one place where what computing throws becomes the class of a failure.
tl::expected<UnitResult, UnitFailure> EngineExecutor::caught(const agent::LeasedUnit& unit,
                                                             agent::Progress& progress) {
  try {
    return dispatch(unit, progress);
  } catch (const std::bad_alloc&) {
    return unit_failure(FailureClass::kOutOfMemory, "the host has no memory left for this unit");
  } catch (const c10::OutOfMemoryError& error) {
    return unit_failure(FailureClass::kOutOfMemory, error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    const bool is_memory = what.find("can't allocate memory") != std::string::npos;
    return unit_failure(is_memory ? FailureClass::kOutOfMemory : FailureClass::kBug, what);
  } catch (const std::system_error& error) {
    return unit_failure(FailureClass::kInputOutput, error.what());
  } catch (const std::exception& error) {
    return unit_failure(FailureClass::kBug, error.what());
  }
}

tl::expected<UnitResult, UnitFailure> EngineExecutor::dispatch(const agent::LeasedUnit& unit,
                                                               agent::Progress& progress) {
  switch (unit.kind) {
    case UnitKind::kGenerate:
      return generate(unit, progress);
    case UnitKind::kReference:
      return reference(unit, progress);
    case UnitKind::kScore:
      return score(unit);
  }
  return unit_failure(FailureClass::kBadInput,
                      "the unit is of a kind that this worker does not know");
}

Result<std::vector<std::string>> EngineExecutor::prompts(const std::string& digest) {
  const auto found = prompts_.find(digest);
  if (found != prompts_.end()) return found->second;
  const auto name = Digest::parse(digest);
  if (!name) return fail("sample.prompts", "'" + digest + "' is no digest");
  const auto bytes = store_.get(*name);
  if (!bytes) return fail(bytes.error());
  auto texts = parse_prompts(*bytes, digest);
  if (!texts) return fail(std::move(texts.error()));
  if (prompts_.size() > 8) prompts_.clear();
  return prompts_.emplace(digest, std::move(*texts)).first->second;
}

Result<std::shared_ptr<const ItemSet>> EngineExecutor::items(const GenerateUnit& unit,
                                                             std::size_t prompts) {
  constexpr std::size_t kItemSetsMax = 8;
  const ItemsSpec& spec = unit.sample.items;
  if (spec.is_empty()) return std::shared_ptr<const ItemSet>();
  std::map<std::string, std::string> more;
  for (const ExtractorSpec& extractor : unit.extractors)
    for (const auto& [slot, digest] : extractor.items)
      if (more.emplace(slot, digest).first->second != digest)
        return fail("extractors.items." + slot, "two extractors name different pictures",
                    "the same");
  const std::string key = canonical({{"items", to_json(spec)}, {"more", more}});
  auto found = items_.find(key);
  if (found == items_.end()) {
    const auto find = [&](const std::string& digest) -> Result<io::ItemColumn> {
      const auto place = cache_.find(digest);
      if (!place) return fail(place.error());
      return open_column(*place, digest);
    };
    auto opened = ItemSet::open(spec, find, more);
    if (!opened) return fail(std::move(opened.error()));
    if (items_.size() >= kItemSetsMax) items_.clear();
    found = items_.emplace(key, std::make_shared<const ItemSet>(std::move(*opened))).first;
  }
  const std::uint64_t count = found->second->count();
  if (count != prompts)
    return fail("sample.items", "there are " + std::to_string(count) + " items",
                std::to_string(prompts) + ", as many as prompts");
  return found->second;
}

ArtifactRef EngineExecutor::keep(std::string name, const std::string& bytes) {
  return {std::move(name), store_.put(bytes), bytes.size()};
}

}  // namespace isocost::diffusion

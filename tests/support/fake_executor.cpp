#include "tests/support/fake_executor.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <span>

#include "base/io/picture.h"
#include "base/io/safetensors.h"
#include "schema/metrics/metric.h"
#include "schema/units/item_pictures.h"
#include "schema/units/kind.h"

namespace isocost::testing {
namespace {

// As many bytes as asked for, all of them determined by `seed`.
std::string bytes_of(const std::string& seed, std::size_t size) {
  std::string bytes;
  for (std::size_t block = 0; bytes.size() < size; ++block)
    bytes += sha256(seed + "#" + std::to_string(block)).hex();
  bytes.resize(size);
  return bytes;
}

std::span<const std::byte> raw(const std::string& bytes) { return std::as_bytes(std::span(bytes)); }

// A table of features as the engine writes it, of about so many bytes.
std::string rows_of(const std::string& seed, std::uint64_t rows, std::size_t bytes) {
  const std::size_t width = std::max<std::size_t>(1, bytes / 4 / std::max<std::uint64_t>(rows, 1));
  const std::string data = bytes_of(seed, 4 * width * rows);
  return io::safetensors_bytes(
      {{"rows",
        {io::Dtype::kF32,
         {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)},
         raw(data)}}});
}

std::string reference_of(const std::string& seed) {
  constexpr std::int64_t kWidth = 4;
  const std::string mu = bytes_of(seed + "mu", 8 * kWidth);
  const std::string sigma = bytes_of(seed + "sigma", 8 * kWidth * kWidth);
  const std::string n = bytes_of(seed + "n", 8);
  return io::safetensors_bytes({{"mu", {io::Dtype::kF64, {kWidth}, raw(mu)}},
                                {"sigma", {io::Dtype::kF64, {kWidth, kWidth}, raw(sigma)}},
                                {"n", {io::Dtype::kI64, {}, raw(n)}}});
}

std::string picture_of(const std::string& seed, int height, int width) {
  io::Picture picture{width, height, {}};
  picture.rgb.assign(3 * static_cast<std::size_t>(height) * static_cast<std::size_t>(width), 0);
  const std::string some = bytes_of(seed, std::min<std::size_t>(picture.rgb.size(), 64));
  std::copy(some.begin(), some.end(), picture.rgb.begin());
  return io::png_bytes(picture, {});
}

// Lets the time of a computation pass, unless it is cancelled.
bool pass_time(std::chrono::milliseconds time, agent::Progress& progress) {
  constexpr std::chrono::milliseconds kLook{5};
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  for (auto passed = std::chrono::milliseconds(0); passed < time; passed += kLook) {
    if (progress.is_cancelled) return false;
    progress.fraction = static_cast<double>(passed.count()) / static_cast<double>(time.count());
    never.wait_for(lock, kLook);
  }
  return true;
}

}  // namespace

tl::expected<UnitResult, UnitFailure> FakeExecutor::execute(const agent::LeasedUnit& unit,
                                                            agent::Progress& progress) {
  ++executed;
  if (options_.fault) {
    if (auto failure = options_.fault(unit)) return tl::unexpected(std::move(*failure));
  }
  if (!pass_time(options_.unit_time, progress))
    return tl::unexpected(UnitFailure{FailureClass::kLostWorker, "cancelled", {}});
  auto result = outcome(unit);
  if (!result)
    return tl::unexpected(
        UnitFailure{FailureClass::kBadInput, result.error().message(), {"a line of the log"}});
  result->unit = unit.name;
  result->device_class = device_class();
  result->measured = {{"seconds", static_cast<double>(options_.unit_time.count()) / 1000},
                      {"device", "fake"}};
  return std::move(*result);
}

Result<UnitResult> FakeExecutor::outcome(const agent::LeasedUnit& unit) {
  return unit.kind == UnitKind::kGenerate ? generate(unit) : reduce(unit);
}

Result<UnitResult> FakeExecutor::generate(const agent::LeasedUnit& unit) {
  const auto body = generate_unit_from_json(unit.body, unit.name);
  if (!body) return fail(body.error());
  if (const auto unet = body->sample.inputs.find("unet"); unet != body->sample.inputs.end())
    warm_ = {unet->second};
  const std::string key = sample_key(body->sample).hex();
  UnitResult result;
  std::string pixels;
  for (std::uint64_t image = body->range.begin; image < body->range.end; ++image) {
    const std::string picture = bytes_of(key + "/" + std::to_string(image), 64);
    pixels += picture;
    if (image < body->keep_pictures)
      result.artifacts.push_back(keep(
          picture_artifact(image), picture_of(picture, body->sample.height, body->sample.width)));
  }
  // Items that have every picture: what one shows is of the items alone.
  const std::string items = canonical(to_json(body->sample.items));
  for (const auto& [name, form] : units::row_of(UnitKind::kGenerate).outputs(*body))
    if (item_of_artifact(name))
      result.artifacts.push_back(keep(name, picture_of(items + name, form.height, form.width)));
  for (const ExtractorSpec& extractor : body->extractors) {
    const std::string id = extractor_id(extractor);
    result.artifacts.push_back(
        keep(rows_artifact(id), rows_of(id + pixels, body->range.size(), options_.rows_bytes)));
  }
  result.digest = sha256(pixels);
  return result;
}

// References and scores: one number out of everything that is needed.
Result<UnitResult> FakeExecutor::reduce(const agent::LeasedUnit& unit) {
  std::string all = unit.kind == UnitKind::kReference ? canonical(unit.body) : std::string();
  Failure failure;
  for (const NeededUnit& needed : unit.needs) {
    for (const ArtifactRef& artifact : needed.artifacts) {
      if (is_for_people(artifact.name)) continue;
      const auto bytes = store_.get(artifact.digest);
      if (bytes)
        all += *bytes;
      else
        failure.add(bytes.error());
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  UnitResult result;
  result.digest = sha256(unit.name + all);
  if (unit.kind == UnitKind::kReference) {
    result.artifacts.push_back(keep(kReferenceArtifact, reference_of(all)));
  } else {
    const auto score = score_unit_from_json(unit.body, unit.name);
    if (!score) return fail(score.error());
    const auto* metric = metrics::find_metric(score->score.metric);
    const double most = metric == nullptr ? 256 : std::min(metric->most, 256.0);
    const double value = most / 256 * (result.digest.bytes[0] + result.digest.bytes[1] / 256.0);
    result.values = {{"value", value},
                     {"low", value - 0.5},
                     {"high", value + 0.5},
                     {"n", score->score.range.size()}};
  }
  return result;
}

ArtifactRef FakeExecutor::keep(const std::string& name, const std::string& bytes) {
  return {name, store_.put(bytes), bytes.size()};
}

}  // namespace isocost::testing

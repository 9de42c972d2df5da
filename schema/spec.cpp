#include "schema/spec.h"

#include <algorithm>

#include "schema/spec_reader.h"

namespace isocost {
namespace {

Json to_json(const ImageRange& range) { return Json::array({range.begin, range.end}); }

}  // namespace

Json to_json(const SampleSpec& spec) {
  Json json = {{"format", kSpecFormat},
               {"task", spec.task},
               {"inputs", spec.inputs},
               {"sampler", spec.sampler},
               {"guidance", spec.guidance},
               {"prompts", spec.prompts},
               {"negative_prompt", spec.negative_prompt},
               {"seed", spec.seed},
               {"height", spec.height},
               {"width", spec.width},
               {"dtype", spec.dtype},
               {"group_size", spec.group_size},
               {"noise", spec.noise},
               {"numerics", spec.numerics}};
  if (!spec.parameters.empty()) json["parameters"] = spec.parameters;
  if (!spec.items.is_empty()) json["items"] = to_json(spec.items);
  return json;
}

Result<SampleSpec> sample_spec_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  SampleSpec spec;
  if (reader.get<int>("format") != kSpecFormat && reader.ok())
    reader.fault("format", "unknown format", std::to_string(kSpecFormat));
  spec.task = reader.get<std::string>("task");
  spec.inputs = text_map(reader, "inputs");
  for (const auto& [name, digest] : spec.inputs)
    check_digest(reader, "inputs." + name, digest, false);
  spec.sampler = object_from(reader, "sampler");
  spec.guidance = reader.get<double>("guidance");
  spec.prompts = reader.get<std::string>("prompts");
  check_digest(reader, "prompts", spec.prompts, false);
  spec.negative_prompt = reader.get<std::string>("negative_prompt");
  if (reader.has("parameters")) spec.parameters = object_from(reader, "parameters");
  if (reader.has("items"))
    spec.items = reader.take(items_spec_from_json(reader.raw("items"), where + ".items"));
  spec.seed = reader.get<std::uint64_t>("seed");
  spec.height = reader.get<int>("height");
  spec.width = reader.get<int>("width");
  spec.dtype = reader.get<std::string>("dtype");
  spec.group_size = reader.get<int>("group_size");
  if (spec.group_size < 1 || spec.group_size > 4096)
    reader.fault("group_size", std::to_string(spec.group_size), "1 to 4096");
  if (spec.height < 8 || spec.height > 8192 || spec.width < 8 || spec.width > 8192)
    reader.fault("height", std::to_string(spec.height) + " x " + std::to_string(spec.width),
                 "8 to 8192 pixels");
  spec.noise = reader.get<std::string>("noise");
  spec.numerics = reader.get<int>("numerics");
  return finished(reader, std::move(spec));
}

Digest sample_key(const SampleSpec& spec) { return canonical_digest(to_json(spec)); }

Json to_json(const ExtractorSpec& spec) {
  Json json = {{"kind", spec.kind}, {"input", spec.input}, {"options", spec.options}};
  if (!spec.items.empty()) json["items"] = spec.items;
  return json;
}

Result<ExtractorSpec> extractor_spec_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  ExtractorSpec spec;
  spec.kind = reader.get<std::string>("kind");
  spec.input = reader.get<std::string>("input");
  check_digest(reader, "input", spec.input, true);
  spec.options = object_from(reader, "options");
  if (reader.has("items")) spec.items = text_map(reader, "items");
  for (const auto& [slot, digest] : spec.items)
    check_digest(reader, "items." + slot, digest, false);
  return finished(reader, std::move(spec));
}

Digest extractor_key(const ExtractorSpec& spec) { return canonical_digest(to_json(spec)); }

std::string extractor_id(const ExtractorSpec& spec) { return extractor_key(spec).hex(); }

Json to_json(const ReferenceSpec& spec) {
  return {{"kind", spec.kind},
          {"input", spec.input},
          {"extractor", to_json(spec.extractor)},
          {"options", spec.options}};
}

Result<ReferenceSpec> reference_spec_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  ReferenceSpec spec;
  spec.kind = reader.get<std::string>("kind");
  spec.input = reader.get<std::string>("input");
  check_digest(reader, "input", spec.input, true);
  spec.extractor =
      reader.take(extractor_spec_from_json(reader.raw("extractor"), where + ".extractor"));
  spec.options = object_from(reader, "options");
  return finished(reader, std::move(spec));
}

Digest reference_key(const ReferenceSpec& spec) { return canonical_digest(to_json(spec)); }

Json to_json(const ScoreSpec& spec) {
  return {{"metric", spec.metric},
          {"extractor", to_json(spec.extractor)},
          {"reference", spec.reference},
          {"range", to_json(spec.range)},
          {"protocol", spec.protocol}};
}

Result<ScoreSpec> score_spec_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  ScoreSpec spec;
  spec.metric = reader.get<std::string>("metric");
  spec.extractor =
      reader.take(extractor_spec_from_json(reader.raw("extractor"), where + ".extractor"));
  spec.reference = reader.get<std::string>("reference");
  check_digest(reader, "reference", spec.reference, true);
  spec.range = range_from(reader, "range");
  spec.protocol = object_from(reader, "protocol");
  return finished(reader, std::move(spec));
}

Digest score_key(const Digest& sample, const ScoreSpec& score) {
  return score_key(sample, canonical(to_json(score)));
}

Digest score_key(const Digest& sample, std::string_view score) {
  return sha256(canonical_object({{"sample", canonical(sample.hex())}, {"score", score}}));
}

double gflops_of_calls(const CellCost& cost) {
  return static_cast<double>(cost.calls_per_image) * cost.gflops_per_call;
}

double gflops_an_image(const CellCost& cost) {
  return gflops_of_calls(cost) + cost.gflops_encode + cost.gflops_decode + cost.gflops_text;
}

Json to_json(const CellCost& cost) {
  Json json = {{"calls_per_image", cost.calls_per_image}, {"steps_calls", cost.steps_calls},
               {"gflops_per_call", cost.gflops_per_call}, {"gflops_decode", cost.gflops_decode},
               {"gflops_text", cost.gflops_text},         {"parameters", cost.parameters},
               {"weight_bytes", cost.weight_bytes}};
  if (cost.gflops_encode > 0) json["gflops_encode"] = cost.gflops_encode;
  return json;
}

namespace {

// Prices are sums and products of these: far below what a double holds, far above any model.
double gflops_from(JsonReader& reader, const std::string& key) {
  constexpr double kGflopsMax = 1e12;
  const auto value = reader.get<double>(key);
  if (!(value >= 0 && value <= kGflopsMax))
    reader.fault(key, "this is " + number_shown(value), "a number from 0 to 1e12");
  return value;
}

std::uint64_t count_from(JsonReader& reader, const std::string& key, std::uint64_t most) {
  const auto value = reader.get<std::uint64_t>(key);
  if (value > most)
    reader.fault(key, "this is " + std::to_string(value), "at most " + std::to_string(most));
  return value;
}

}  // namespace

Result<CellCost> cell_cost_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  CellCost cost;
  constexpr std::uint64_t kCallsMax = 1'000'000'000, kBytesMax = 1ULL << 50;
  cost.calls_per_image = count_from(reader, "calls_per_image", kCallsMax);
  cost.steps_calls = count_from(reader, "steps_calls", kCallsMax);
  cost.gflops_per_call = gflops_from(reader, "gflops_per_call");
  if (reader.has("gflops_encode")) cost.gflops_encode = gflops_from(reader, "gflops_encode");
  cost.gflops_decode = gflops_from(reader, "gflops_decode");
  cost.gflops_text = gflops_from(reader, "gflops_text");
  cost.parameters = count_from(reader, "parameters", kBytesMax);
  cost.weight_bytes = count_from(reader, "weight_bytes", kBytesMax);
  return finished(reader, cost);
}

Json to_json(const CellRequest& cell) {
  Json scores = Json::array();
  for (const ScoreSpec& score : cell.scores) scores.push_back(to_json(score));
  return {{"labels", cell.labels},
          {"sample", to_json(cell.sample)},
          {"images", to_json(cell.images)},
          {"scores", scores},
          {"keep_pictures", cell.keep_pictures},
          {"cost", to_json(cell.cost)}};
}

Result<CellRequest> cell_request_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  CellRequest cell;
  cell.labels = object_from(reader, "labels");
  cell.sample = reader.take(sample_spec_from_json(reader.raw("sample"), where + ".sample"));
  cell.images = range_from(reader, "images");
  cell.scores = list_from<ScoreSpec>(reader, "scores", score_spec_from_json);
  cell.keep_pictures = reader.get<std::uint64_t>("keep_pictures");
  cell.cost = reader.take(cell_cost_from_json(reader.raw("cost"), where + ".cost"));
  if (reader.ok() && cell.images.begin != 0)
    reader.fault("images", "does not begin at 0", "[0, n]");
  return finished(reader, std::move(cell));
}

namespace {

// Blobs are bytes; in JSON they are texts when they are UTF-8, which prompts are.
constexpr std::size_t kBlobBytesMax = 64U << 20U;

}  // namespace

Json to_json(const Submission& submission) {
  Json references = Json::object();
  for (const auto& [key, reference] : submission.references) references[key] = to_json(reference);
  Json cells = Json::array();
  for (const CellRequest& cell : submission.cells) cells.push_back(to_json(cell));
  return {{"format", kSpecFormat},
          {"name", submission.name},
          {"grid", submission.grid},
          {"axes", submission.axes},
          {"unit_images", submission.unit_images},
          {"references", references},
          {"blobs", submission.blobs},
          {"input_names", submission.input_names},
          {"cells", cells}};
}

Result<Submission> submission_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  Submission submission;
  if (reader.get<int>("format") != kSpecFormat && reader.ok())
    reader.fault("format", "unknown format", std::to_string(kSpecFormat));
  submission.name = reader.get<std::string>("name");
  submission.grid = reader.get<std::string>("grid");
  submission.axes = reader.get<std::vector<std::string>>("axes");
  submission.unit_images = reader.get<std::uint64_t>("unit_images");
  const Json& references = reader.raw("references");
  if (!references.is_object())
    reader.fault("references", "this is missing or no object", "an object");
  else
    for (const auto& [key, value] : references.items()) {
      auto spec = reader.take(reference_spec_from_json(value, where + ".references." + key));
      if (reader.ok() && reference_key(spec).hex() != key)
        reader.fault("references", "the key " + key + " is not that of its reference",
                     reference_key(spec).hex());
      submission.references.emplace(key, std::move(spec));
    }
  submission.blobs = text_map(reader, "blobs");
  for (const auto& [name, bytes] : submission.blobs) {
    if (bytes.size() > kBlobBytesMax)
      reader.fault("blobs", name + " is too large", "at most 64 MiB");
    else if (sha256(bytes).name() != name)
      reader.fault("blobs", name + " does not match its bytes", sha256(bytes).name());
  }
  submission.input_names = text_map(reader, "input_names");
  submission.cells = list_from<CellRequest>(reader, "cells", cell_request_from_json);
  if (submission.name.empty()) reader.fault("name", "this is empty", "the experiment's name");
  return finished(reader, std::move(submission));
}

Result<Submission> submission_from_text(std::istream& text, const std::string& where) {
  constexpr std::size_t kCellValuesMax = 200'000, kCellFaultsMax = 100;
  std::vector<CellRequest> cells;
  Failure failure;
  const auto take = [&](const Json& element) {
    auto cell =
        cell_request_from_json(element, where + ".cells[" + std::to_string(cells.size()) + "]");
    if (!cell) failure.add(cell.error());
    cells.push_back(cell.value_or(CellRequest{}));
    return failure.errors.size() < kCellFaultsMax;
  };
  // The rest: texts, references, and the bytes of small inputs.
  const auto rest = parse_json_list(text, where, "cells", {.values_max = kCellValuesMax},
                                    kBlobBytesMax + (kBlobBytesMax >> 3U), take);
  if (!failure.is_empty()) return fail(std::move(failure));
  if (!rest) return fail(rest.error());
  auto submission = submission_from_json(*rest, where);
  if (submission) submission->cells = std::move(cells);
  return submission;
}

std::string_view failure_class_name(FailureClass failure) {
  switch (failure) {
    case FailureClass::kOutOfMemory:
      return "out of memory";
    case FailureClass::kBadInput:
      return "bad input";
    case FailureClass::kNotFinite:
      return "not finite";
    case FailureClass::kLostWorker:
      return "lost worker";
    case FailureClass::kBug:
      return "bug";
    case FailureClass::kStalled:
      return "stalled";
    case FailureClass::kInputOutput:
      return "input/output";
  }
  return "unknown";
}

bool is_retryable(FailureClass failure) {
  return failure != FailureClass::kBadInput && failure != FailureClass::kNotFinite;
}

Json to_json(const UnitResult& result) {
  Json artifacts = Json::array();
  for (const ArtifactRef& artifact : result.artifacts)
    artifacts.push_back(
        {{"name", artifact.name}, {"digest", artifact.digest.name()}, {"bytes", artifact.bytes}});
  return {{"unit", result.unit},
          {"values", result.values},
          {"artifacts", artifacts},
          {"digest", result.digest.name()},
          {"device_class", result.device_class},
          {"measured", result.measured}};
}

Result<UnitResult> unit_result_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  UnitResult result;
  result.unit = reader.get<std::string>("unit");
  result.values = object_from(reader, "values");
  result.artifacts = list_from<ArtifactRef>(
      reader, "artifacts", [](const Json& item, const std::string& at) -> Result<ArtifactRef> {
        JsonReader inner(item, at);
        ArtifactRef artifact;
        artifact.name = inner.get<std::string>("name");
        const auto digest = Digest::parse(inner.get<std::string>("digest"));
        if (digest)
          artifact.digest = *digest;
        else
          inner.fault("digest", "this is no digest", "sha256: and 64 hexadecimal digits");
        artifact.bytes = inner.get<std::uint64_t>("bytes");
        return finished(inner, std::move(artifact));
      });
  const auto digest = Digest::parse(reader.get<std::string>("digest"));
  if (digest)
    result.digest = *digest;
  else
    reader.fault("digest", "this is no digest", "sha256: and 64 hexadecimal digits");
  result.device_class = reader.get<std::string>("device_class");
  result.measured = object_from(reader, "measured");
  return finished(reader, std::move(result));
}

}  // namespace isocost

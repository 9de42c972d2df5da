#include "worker/diffusion/tasks/model_cache.h"

#include <algorithm>

#include "worker/diffusion/tasks/device.h"

namespace isocost::diffusion {
namespace {

constexpr std::size_t kTextsMax = 65536;

// The weights as they lie on disk; loaded they take about as much (twice where halves are widened).
std::uint64_t weight_bytes(const io::Place& place, const char* base) {
  const auto weights = io::find_weight_files(place.path, base, place.variant);
  return weights ? weights->bytes : 0;
}

}  // namespace

Result<at::ScalarType> parse_dtype(const std::string& name) {
  if (name == "float32" || name == "fp32") return at::kFloat;
  if (name == "bfloat16" || name == "bf16") return at::kBFloat16;
  if (name == "float16" || name == "fp16") return at::kHalf;
  return fail("sample.dtype", "'" + name + "' is unknown", "float32, bfloat16 or float16");
}

at::Tensor WarmModel::encode(const std::vector<std::string>& prompts) {
  if (texts.size() > kTextsMax) texts.clear();
  std::vector<at::Tensor> rows;
  for (const std::string& prompt : prompts) {
    auto found = texts.find(prompt);
    if (found == texts.end()) {
      const std::vector<std::int64_t> ids = tokenizer.encode_prompt(prompt);
      const at::Tensor input = at::tensor(ids, at::kLong).unsqueeze(0);  // [1, L]
      found = texts.emplace(prompt, pipeline.encode(input).squeeze(0)).first;
    }
    rows.push_back(found->second);
  }
  return at::stack(rows);
}

ModelCache::ModelCache(std::vector<std::filesystem::path> roots, at::Device device,
                       std::string dtype)
    : roots_(std::move(roots)),
      device_(device),
      dtype_(std::move(dtype)),
      bytes_max_(static_cast<std::uint64_t>(kWarmShareMax *
                                            static_cast<double>(device_memory_bytes(device)))) {}

const io::Inventory& ModelCache::rescan() { return inventory_ = io::scan_inputs(roots_); }

Result<io::Place> ModelCache::find(const std::string& input) {
  if (!inventory_.inputs.contains(input)) rescan();
  const auto found = inventory_.inputs.find(input);
  if (found != inventory_.inputs.end()) return found->second;
  std::string roots;
  for (const auto& root : roots_) roots += (roots.empty() ? "" : ", ") + root.string();
  return fail(input, "this input is not under the worker's model folders (" + roots + ")",
              "a file or folder with this content");
}

Result<ModelCache::Folders> ModelCache::folders_of(const SampleSpec& spec) {
  Failure failure;
  Folders folders;
  for (const char* part : {"unet", "vae", "text_encoder", "tokenizer"}) {
    const auto input = spec.inputs.find(part);
    if (input == spec.inputs.end()) {
      failure.add("sample.inputs", std::string("the input '") + part + "' is missing",
                  "its digest");
    } else if (auto path = find(input->second); path) {
      folders[part] = *path;
    } else {
      failure.add(path.error());
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return folders;
}

void ModelCache::make_room(std::uint64_t bytes) {
  std::uint64_t total = bytes;
  for (const Entry& entry : models_) total += entry.bytes;
  while (!models_.empty() && (total > bytes_max_ || models_.size() >= kPipelinesMax)) {
    total -= models_.back().bytes;
    models_.pop_back();
  }
}

Result<WarmModel*> ModelCache::model(const SampleSpec& spec) {
  const std::string key = canonical_digest({{"inputs", spec.inputs}, {"dtype", spec.dtype}}).hex();
  const auto found = std::find_if(models_.begin(), models_.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  if (found != models_.end()) {
    models_.splice(models_.begin(), models_, found);
    return models_.front().model.get();
  }
  auto folders = folders_of(spec);
  const auto dtype = parse_dtype(dtype_.empty() ? spec.dtype : dtype_);
  Failure failure;
  if (!folders) failure.add(folders.error());
  if (!dtype) failure.add(dtype.error());
  if (!failure.is_empty()) return fail(std::move(failure));

  const Pipeline::Folders parts = {(*folders)["unet"], (*folders)["vae"],
                                   (*folders)["text_encoder"]};
  const std::uint64_t bytes = weight_bytes(parts.unet, io::kDiffusersBase) +
                              weight_bytes(parts.vae, io::kDiffusersBase) +
                              weight_bytes(parts.text_encoder, io::kTransformersBase);
  make_room(bytes);
  auto pipeline = Pipeline::load(parts, Pipeline::Device{device_, *dtype});
  if (!pipeline) return fail(pipeline.error());
  const auto& text = pipeline->text_config();
  auto tokenizer = Tokenizer::load_for({text.max_position_embeddings, text.vocab_size},
                                       (*folders)["tokenizer"].path);
  if (!tokenizer) return fail(tokenizer.error());
  auto model = std::make_unique<WarmModel>(WarmModel{
      std::move(*pipeline), std::move(*tokenizer), parts.unet.path.parent_path().string(), {}});
  models_.push_front(Entry{key, spec.inputs.at("unet"), bytes, std::move(model)});
  return models_.front().model.get();
}

Result<std::shared_ptr<Extractor>> ModelCache::extractor(const ExtractorSpec& spec) {
  const std::string key = extractor_id(spec);
  const auto found = std::find_if(extractors_.begin(), extractors_.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  if (found != extractors_.end()) {
    extractors_.splice(extractors_.begin(), extractors_, found);
    return extractors_.front().second;
  }
  const auto path = find(spec.input);
  if (!path) return fail(path.error());
  auto loaded = load_extractor(spec, path->path, {.device = device_});
  if (!loaded) return fail(loaded.error());
  while (extractors_.size() >= kExtractorsMax) extractors_.pop_back();
  extractors_.emplace_front(key, std::move(*loaded));
  return extractors_.front().second;
}

Result<std::shared_ptr<const Reference>> ModelCache::reference(const Digest& artifact,
                                                               const io::ArtifactStore& store) {
  const auto found = std::find_if(references_.begin(), references_.end(),
                                  [&](const auto& entry) { return entry.first == artifact; });
  if (found != references_.end()) {
    references_.splice(references_.begin(), references_, found);
    return references_.front().second;
  }
  const auto bytes = store.get(artifact);
  if (!bytes) return fail(bytes.error());
  auto parsed = Reference::parse(*bytes, artifact.name());
  if (!parsed) return fail(parsed.error());
  while (references_.size() >= kReferencesMax) references_.pop_back();
  references_.emplace_front(artifact, std::make_shared<const Reference>(std::move(*parsed)));
  return references_.front().second;
}

void ModelCache::clear() {
  models_.clear();
  extractors_.clear();
  references_.clear();
}

std::vector<std::string> ModelCache::warm_unets() const {
  std::vector<std::string> digests;
  for (const Entry& entry : models_) digests.push_back(entry.unet);
  return digests;
}

}  // namespace isocost::diffusion

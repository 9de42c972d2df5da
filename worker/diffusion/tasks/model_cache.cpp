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

// A part as it is in memory: what it computes in is a part of it.
std::string part_key(const SampleSpec& spec, const char* part, at::ScalarType dtype) {
  return spec.inputs.at(part) + " " + c10::toString(dtype);
}

template <class Part>
std::shared_ptr<Part> held(const std::map<std::string, std::weak_ptr<Part>>& lent,
                           const std::string& key) {
  const auto found = lent.find(key);
  return found == lent.end() ? nullptr : found->second.lock();
}

template <class Part>
void lend(std::map<std::string, std::weak_ptr<Part>>& lent, const std::string& key,
          const std::shared_ptr<Part>& part) {
  std::erase_if(lent, [](const auto& one) { return one.second.expired(); });
  lent[key] = part;
}

// Loads a part that nobody holds.
template <class Part, class Load>
void fill(std::shared_ptr<Part>& part, Failure& failure, Load load) {
  if (part) return;
  auto loaded = load();
  if (loaded)
    part = std::move(*loaded);
  else
    failure.add(loaded.error());
}

Result<std::shared_ptr<SharedAutoencoder>> load_shared_autoencoder(const io::Place& place,
                                                                   at::Device device) {
  return load_autoencoder(place.path, place.variant).map([&](const Autoencoder& network) {
    return std::make_shared<SharedAutoencoder>(network, device);
  });
}

}  // namespace

Result<at::ScalarType> parse_dtype(const std::string& name) {
  if (name == "float32" || name == "fp32") return at::kFloat;
  if (name == "bfloat16" || name == "bf16") return at::kBFloat16;
  if (name == "float16" || name == "fp16") return at::kHalf;
  return fail("sample.dtype", "'" + name + "' is unknown", "float32, bfloat16 or float16");
}

at::Tensor WarmModel::encode(const std::vector<std::string>& prompts, std::int64_t clip_skip) {
  auto& states = texts->states;
  if (states.size() > kTextsMax) states.clear();
  std::vector<at::Tensor> rows;
  for (const std::string& prompt : prompts) {
    const std::string key = clip_skip == 0 ? prompt : std::to_string(clip_skip) + '\0' + prompt;
    auto found = states.find(key);
    if (found == states.end()) {
      const std::vector<std::int64_t> ids = texts->tokenizer.encode_prompt(prompt);
      const at::Tensor input = at::tensor(ids, at::kLong).unsqueeze(0);  // [1, L]
      found = states.emplace(key, pipeline.encode(input, clip_skip).squeeze(0)).first;
    }
    rows.push_back(found->second);
  }
  return at::stack(rows);
}

std::string network_id(ExtractorSpec spec) {
  spec.items.clear();
  return extractor_id(spec);
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

Result<ModelCache::Folders> ModelCache::folders_of(const SampleSpec& spec,
                                                   const std::vector<std::string>& parts) {
  Failure failure;
  Folders folders;
  for (const std::string& part : parts) {
    const auto input = spec.inputs.find(part);
    if (input == spec.inputs.end()) {
      failure.add("sample.inputs", "the input '" + part + "' is missing", "its digest");
    } else if (auto path = find(input->second); path) {
      folders[part] = *path;
    } else {
      failure.add(path.error());
    }
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return folders;
}

std::uint64_t ModelCache::bytes_with(Bytes parts) const {
  for (const Entry& entry : models_) parts.insert(entry.bytes.begin(), entry.bytes.end());
  std::uint64_t total = 0;
  for (const auto& [unused, bytes] : parts) total += bytes;
  return total;
}

std::uint64_t ModelCache::warm_bytes() const { return bytes_with({}); }

void ModelCache::make_room(const Bytes& parts) {
  while (!models_.empty() && (bytes_with(parts) > bytes_max_ || models_.size() >= kPipelinesMax))
    models_.pop_back();
}

Result<WarmModel*> ModelCache::model(const SampleSpec& spec) {
  const std::string key = canonical_digest({{"inputs", spec.inputs}, {"dtype", spec.dtype}}).hex();
  const auto found = std::find_if(models_.begin(), models_.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  if (found != models_.end()) {
    models_.splice(models_.begin(), models_, found);
    return models_.front().model.get();
  }
  auto folders = folders_of(spec, {"unet", "vae", "text_encoder", "tokenizer"});
  const auto dtype = parse_dtype(dtype_.empty() ? spec.dtype : dtype_);
  Failure failure;
  if (!folders) failure.add(folders.error());
  if (!dtype) failure.add(dtype.error());
  if (!failure.is_empty()) return fail(std::move(failure));

  const auto bytes_at = [&](const char* part, const char* base) {
    return weight_bytes(folders->at(part), base);
  };
  const Bytes parts = {{part_key(spec, "unet", *dtype), bytes_at("unet", io::kDiffusersBase)},
                       {part_key(spec, "vae", at::kFloat), bytes_at("vae", io::kDiffusersBase)},
                       {part_key(spec, "text_encoder", at::kFloat),
                        bytes_at("text_encoder", io::kTransformersBase)}};
  auto loaded = load(spec, *folders, *dtype, parts);
  if (!loaded) return fail(loaded.error());
  models_.push_front(
      Entry{key, spec.inputs.at("unet"), parts, std::make_unique<WarmModel>(std::move(*loaded))});
  return models_.front().model.get();
}

// What this model shares is held while room is made, so that it is not let go and loaded again.
Result<WarmModel> ModelCache::load(const SampleSpec& spec, const Folders& folders,
                                   at::ScalarType dtype, const Bytes& parts) {
  const std::string unet_key = part_key(spec, "unet", dtype);
  const std::string vae_key = part_key(spec, "vae", at::kFloat);
  const std::string text_key = part_key(spec, "text_encoder", at::kFloat);
  const std::string texts_key = text_key + " " + spec.inputs.at("tokenizer");
  auto unet = held(unets_, unet_key);
  auto vae = held(autoencoders_, vae_key);
  auto text_encoder = held(text_encoders_, text_key);
  auto texts = held(texts_, texts_key);
  make_room(parts);

  Failure failure;
  const io::Place& unet_place = folders.at("unet");
  const io::Place& vae_place = folders.at("vae");
  const io::Place& text_place = folders.at("text_encoder");
  fill(unet, failure, [&] {
    return load_unet(unet_place.path, unet_place.variant).map([](const UNet& network) {
      return network.ptr();
    });
  });
  fill(vae, failure, [&] { return load_shared_autoencoder(vae_place, device_); });
  fill(text_encoder, failure, [&] {
    return load_clip_text(text_place.path, text_place.variant).map([](const ClipText& network) {
      return network.ptr();
    });
  });
  if (!failure.is_empty()) return fail(std::move(failure));
  const std::string folder = unet_place.path.parent_path().string();
  auto pipeline = Pipeline::join({UNet(unet), vae, ClipText(text_encoder)},
                                 Pipeline::Device{device_, dtype}, folder);
  if (!pipeline) return fail(pipeline.error());
  if (!texts) {
    const auto& text = pipeline->text_config();
    auto tokenizer = Tokenizer::load_for({text.max_position_embeddings, text.vocab_size},
                                         folders.at("tokenizer").path);
    if (!tokenizer) return fail(tokenizer.error());
    texts = std::make_shared<WarmTexts>(WarmTexts{std::move(*tokenizer), {}});
  }
  lend(unets_, unet_key, unet);
  lend(autoencoders_, vae_key, vae);
  lend(text_encoders_, text_key, text_encoder);
  lend(texts_, texts_key, texts);
  return WarmModel{std::move(*pipeline), std::move(texts), folder};
}

Result<std::shared_ptr<SharedAutoencoder>> ModelCache::autoencoder(const SampleSpec& spec) {
  const auto folders = folders_of(spec, {"vae"});
  if (!folders) return fail(folders.error());
  const std::string key = part_key(spec, "vae", at::kFloat);
  auto vae = held(autoencoders_, key);
  if (!vae) {
    auto loaded = load_shared_autoencoder(folders->at("vae"), device_);
    if (!loaded) return fail(loaded.error());
    vae = std::move(*loaded);
    lend(autoencoders_, key, vae);
  }
  last_autoencoder_ = vae;
  return vae;
}

Result<std::shared_ptr<Extractor>> ModelCache::extractor(const ExtractorSpec& spec) {
  const std::string key = network_id(spec);
  const auto found = std::find_if(extractors_.begin(), extractors_.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  if (found != extractors_.end()) {
    extractors_.splice(extractors_.begin(), extractors_, found);
    return extractors_.front().second;
  }
  io::Place place;
  if (!spec.input.empty()) {
    auto found_input = find(spec.input);
    if (!found_input) return fail(found_input.error());
    place = std::move(*found_input);
  }
  auto loaded =
      load_extractor(spec, place.path, {.device = device_, .networks = &extractor_networks_});
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
  last_autoencoder_.reset();
  extractors_.clear();
  references_.clear();
}

std::vector<std::string> ModelCache::warm_unets() const {
  std::vector<std::string> digests;
  for (const Entry& entry : models_) digests.push_back(entry.unet);
  return digests;
}

}  // namespace isocost::diffusion

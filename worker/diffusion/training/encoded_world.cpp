#include "worker/diffusion/training/encoded_world.h"

#include "base/io/inputs.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/tokenizer_training.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kEncodedTogether = 64;

struct Encoders {
  Autoencoder vae{nullptr};
  ClipText text{nullptr};
  CaptionEncoder captions;
};

Result<Encoders> load_encoders(const fs::path& family) {
  const auto shared = family / "models/shared";
  auto vae = load_autoencoder(shared / "vae");
  auto text = load_clip_text(shared / "text_encoder");
  Failure failure;
  if (!vae) failure.add(vae.error());
  if (!text) failure.add(text.error());
  if (!failure.is_empty()) return fail(std::move(failure));
  auto captions = read_caption_encoder(family, (*text)->config);
  if (!captions) return fail(captions.error());
  return Encoders{*vae, *text, *captions};
}

// Named after everything that its content follows from.
Result<fs::path> cache_file(const TrainingPlaces& places, world::Split split, std::uint64_t count) {
  Json key = {{"split", world::split_name(split)}, {"count", count}, {"seed", kWorldSeed}};
  for (const char* part : {"vae", "text_encoder", "tokenizer"}) {
    const auto digest = io::input_digest(places.family / "models/shared" / part);
    if (!digest) return fail(digest.error());
    key[part] = digest->hex();
  }
  return places.cache / ("world-" + canonical_digest(key).hex().substr(0, 16) + ".safetensors");
}

at::Tensor encode_captions(Encoders& encoders, const std::vector<std::string>& captions) {
  std::vector<at::Tensor> states;
  for (std::size_t i = 0; i < captions.size(); i += kEncodedTogether) {
    std::vector<at::Tensor> rows;
    for (std::size_t k = i; k < std::min(captions.size(), i + kEncodedTogether); ++k)
      rows.push_back(at::tensor(encoders.captions.encode(captions[k])));
    states.push_back(encoders.text->condition(at::stack(rows)));
  }
  return at::cat(states);
}

at::Tensor encode_pictures(Encoders& encoders, const std::vector<world::Scene>& scenes) {
  std::vector<at::Tensor> latents;
  for (std::size_t i = 0; i < scenes.size(); i += kEncodedTogether) {
    const auto end = std::min(scenes.size(), i + kEncodedTogether);
    const std::vector<world::Scene> some(scenes.begin() + static_cast<std::ptrdiff_t>(i),
                                         scenes.begin() + static_cast<std::ptrdiff_t>(end));
    const auto pictures =
        to_unit_range(world_pictures(some)).contiguous(at::MemoryFormat::ChannelsLast);
    latents.push_back(encoders.vae->encode(pictures).mean.contiguous());
  }
  return at::cat(latents) * encoders.vae->config.scaling_factor;
}

io::TensorView view_of(const at::Tensor& tensor) {
  return {io::Dtype::kF32,
          tensor.sizes().vec(),
          {static_cast<const std::byte*>(tensor.data_ptr()),
           static_cast<std::size_t>(tensor.numel()) * sizeof(float)}};
}

Result<EncodedWorld> read_cache(const fs::path& file) {
  const auto tensors = io::SafetensorsFile::read(file);
  if (!tensors) return fail(tensors.error());
  EncodedWorld data;
  Failure failure;
  for (const auto& [name, target] : {std::pair{"latents", &data.latents},
                                     {"text", &data.text},
                                     {"empty_text", &data.empty_text}}) {
    const auto* view = tensors->find(name);
    if (view == nullptr) {
      failure.add(file.string(), c10::str("the tensor '", name, "' is missing"));
      continue;
    }
    auto tensor = to_tensor(*view, file.string());
    if (!tensor) failure.add(tensor.error());
    if (tensor) *target = *tensor;
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return data;
}

}  // namespace

Result<EncodedWorld> encode_world(const TrainingPlaces& places, world::Split split,
                                  std::uint64_t count) {
  const auto file = cache_file(places, split, count);
  if (!file) return fail(file.error());
  if (fs::exists(*file)) return read_cache(*file);

  auto encoders = load_encoders(places.family);
  if (!encoders) return fail(encoders.error());
  const at::NoGradGuard no_grad;
  const auto scenes = world_scenes(split, count);
  std::vector<std::string> captions;
  captions.reserve(scenes.size());
  for (const auto& scene : scenes) captions.push_back(world::caption(scene));
  EncodedWorld data;
  data.latents = encode_pictures(*encoders, scenes).contiguous();
  data.text = encode_captions(*encoders, captions).contiguous();
  data.empty_text = encode_captions(*encoders, {""})[0].contiguous();
  fs::create_directories(places.cache);
  io::write_safetensors(*file, {{"latents", view_of(data.latents)},
                                {"text", view_of(data.text)},
                                {"empty_text", view_of(data.empty_text)}});
  return data;
}

}  // namespace isocost::diffusion

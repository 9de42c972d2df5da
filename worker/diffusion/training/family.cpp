#include "worker/diffusion/training/family.h"

#include "base/io/atomic_file.h"
#include "base/io/inputs.h"

namespace isocost::diffusion {
namespace {

namespace fs = std::filesystem;

Json model_index(const std::string& class_name) {
  return {{"_class_name", class_name},
          {"_diffusers_version", "0.30.0"},
          {"feature_extractor", {nullptr, nullptr}},
          {"image_encoder", {nullptr, nullptr}},
          {"requires_safety_checker", false},
          {"safety_checker", {nullptr, nullptr}},
          {"scheduler", {"diffusers", "DDIMScheduler"}},
          {"text_encoder", {"transformers", "CLIPTextModel"}},
          {"tokenizer", {"transformers", "CLIPTokenizer"}},
          {"unet", {"diffusers", "UNet2DConditionModel"}},
          {"vae", {"diffusers", "AutoencoderKL"}}};
}

Json scheduler(const Objective& objective) {
  return {{"_class_name", "DDIMScheduler"},
          {"_diffusers_version", "0.30.0"},
          {"beta_end", kBetaEnd},
          {"beta_schedule", "scaled_linear"},
          {"beta_start", kBetaStart},
          {"clip_sample", false},
          {"num_train_timesteps", kTimesteps},
          {"prediction_type", objective.predicts_v ? "v_prediction" : "epsilon"},
          {"rescale_betas_zero_snr", objective.zero_terminal_snr},
          {"set_alpha_to_one", false},
          {"steps_offset", 1},
          // Only from the last timestep on is a picture free of the noise's mean.
          {"timestep_spacing", objective.zero_terminal_snr ? "trailing" : "leading"}};
}

}  // namespace

Result<std::string> shared_digest(const fs::path& family, const std::vector<std::string>& parts) {
  Json digests = Json::object();
  Failure failure;
  for (const auto& part : parts) {
    const auto digest = io::input_digest(family / "models/shared" / part);
    if (!digest) failure.add(digest.error());
    if (digest) digests[part] = digest->hex();
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return canonical_digest(digests).hex();
}

void write_json(const fs::path& file, const Json& json) {
  fs::create_directories(file.parent_path());
  io::write_file_atomically(file, json.dump(2) + "\n");
}

void write_model(const torch::nn::Module& module, const WeightsFile& file,
                 const std::function<bool(const std::string&)>& keep) {
  fs::create_directories(file.folder);
  std::vector<at::Tensor> alive;
  io::TensorViews views;
  for (const auto& item : module.named_parameters()) {
    if (keep && !keep(item.key())) continue;
    const auto half = item.value().detach().to(at::kHalf).contiguous();
    alive.push_back(half);
    const auto bytes = static_cast<std::size_t>(half.numel()) * 2;
    views[item.key()] = {io::Dtype::kF16,
                         half.sizes().vec(),
                         {static_cast<const std::byte*>(half.data_ptr()), bytes}};
  }
  auto metadata = file.metadata;
  metadata["format"] = "pt";
  io::write_safetensors(file.folder / (file.base + ".safetensors"), views, metadata);
  write_json(file.folder / "config.json", file.config);
}

void write_pipeline(const fs::path& family, const std::string& name, const PipelineKind& kind) {
  const auto folder = family / "models" / name;
  fs::create_directories(folder);
  for (const char* part : {"vae", "text_encoder", "tokenizer"}) {
    const auto link = folder / part;
    if (fs::is_symlink(fs::symlink_status(link))) fs::remove(link);
    if (!fs::exists(link)) fs::create_directory_symlink(fs::path("..") / "shared" / part, link);
  }
  write_json(folder / "scheduler" / "scheduler_config.json", scheduler(kind.objective));
  write_json(folder / "model_index.json", model_index(kind.class_name));
}

void round_to_half(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) parameter.copy_(parameter.to(at::kHalf));
}

}  // namespace isocost::diffusion

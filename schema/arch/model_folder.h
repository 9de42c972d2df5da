// A model folder as plan, inspect and the engine see it, without LibTorch: what is there, what it
// costs.
//
//   Result<ModelFolder> model = ModelFolder::open("models/mini-32");
//   summarize_unet(model->unet->config, model->default_call()).gflops()
//
// Understands a diffusers pipeline (model_index.json and its components), a folder with components
// alone (vae/), and a CLIP folder (config.json with both towers). Reads configurations, never
// weights: their names and sizes alone. Fails with every fault of every configuration at once.
// Thread: any.
#pragma once

#include <filesystem>
#include <optional>

#include "schema/arch/network.h"

namespace isocost::arch {

// The files of one component's weights: BASE.safetensors, the parts that
// BASE.safetensors.index.json names, or those of a variant ("fp16").
struct WeightFiles {
  std::vector<std::filesystem::path> files;
  std::uint64_t bytes = 0;
};
[[nodiscard]] Result<WeightFiles> find_weight_files(const std::filesystem::path& folder,
                                                    const std::string& base,
                                                    const std::string& variant = {});

template <class Config>
struct Component {
  std::filesystem::path folder;
  Config config;
  WeightFiles weights;
};

struct ModelFolder {
  std::filesystem::path root;
  std::string pipeline_class;  // "StableDiffusionPipeline"; empty without model_index.json
  std::string variant;
  std::optional<Component<UNetConfig>> unet;
  std::optional<Component<VaeConfig>> vae;
  std::optional<Component<ClipTextConfig>> text_encoder;
  std::optional<Component<ClipConfig>> clip;  // a CLIP folder
  std::optional<std::filesystem::path> tokenizer;
  Json scheduler_config;  // scheduler/scheduler_config.json; null where there is none

  [[nodiscard]] static Result<ModelFolder> open(const std::filesystem::path& root,
                                                const std::string& variant = {});

  // The model's own latent size and the text length of its encoder.
  [[nodiscard]] CallShape default_call() const;
  [[nodiscard]] std::uint64_t weight_bytes() const;
};

}  // namespace isocost::arch

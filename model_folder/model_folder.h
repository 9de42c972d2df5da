// A model folder as plan, inspect and the engine see it, without LibTorch: what is there, what it
// costs.
//
//   Result<ModelFolder> model = ModelFolder::open("models/mini-32");
//   summarize_unet(model->unet->config, model->default_call()).gflops()
//
// Understands a diffusers pipeline (model_index.json and its components), a folder with components
// alone (vae/), and a CLIP folder (config.json with both towers). open() reads configurations,
// never weights: their names and sizes alone; check_weights() reads the weights' headers. Fails
// with every fault of every configuration at once. Thread: any.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/io/weight_files.h"
#include "schema/arch/network.h"

namespace isocost::arch {

template <class Config>
struct Component {
  std::filesystem::path folder;
  Config config;
  io::WeightFiles weights;
};

struct ModelFolder {
  std::filesystem::path root;
  std::string pipeline_class;  // "StableDiffusionPipeline"; empty without model_index.json
  Json index;                  // model_index.json; null where there is none
  std::string variant;
  std::optional<Component<UNetConfig>> unet;
  std::optional<Component<VaeConfig>> vae;
  std::optional<Component<ClipTextConfig>> text_encoder;
  std::optional<Component<ClipConfig>> clip;  // a CLIP folder
  std::optional<std::filesystem::path> tokenizer;
  std::string tokenizer_class;    // that tokenizer_config.json says; may be empty
  Json scheduler_config;          // scheduler/scheduler_config.json; null where there is none
  Json low_res_scheduler_config;  // low_res_scheduler/scheduler_config.json, likewise
  // Folders of parts that no task reads, and what they hold: "text_encoder_2", "a second text
  // encoder".
  std::vector<std::pair<std::string, std::string>> second_parts;
  // Components that lie in the folder, also where they could not be read.
  std::set<std::string> found;

  // With a variant, components that have it are taken in it and the others plain, as diffusers'
  // pipelines do. Fails besides with: no component has the variant.
  [[nodiscard]] static Result<ModelFolder> open(const std::filesystem::path& root,
                                                const std::string& variant = {});

  // Whether the tensors in the weights are those of the configurations, by the headers alone. Fails
  // with: files that are none (a Git LFS pointer), tensors that are missing, foreign or misshaped.
  [[nodiscard]] Result<void> check_weights() const;

  // Keys of its configurations that this engine neither reads nor knows to be without effect, by
  // file: {"unet/config.json", {"motion_max_length"}}.
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> unknown_keys() const;

  // The model's own latent size and the text length of its encoder.
  [[nodiscard]] CallShape default_call() const;
  [[nodiscard]] std::uint64_t weight_bytes() const;
};

// What could be read of a folder, and every fault; open() gives the one or the other.
struct ModelLook {
  ModelFolder model;
  Failure failure;
};
[[nodiscard]] ModelLook look_at_model(const std::filesystem::path& root,
                                      const std::string& variant = {});

// Whether parts of a pipeline may have been made for each other.
[[nodiscard]] Result<void> check_fit(const UNetConfig& unet, const VaeConfig& vae,
                                     const ClipTextConfig& text, const std::string& where);

}  // namespace isocost::arch

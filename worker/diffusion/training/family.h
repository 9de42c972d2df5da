// Where the parts of the mini family lie, and how they are written.
//
//   FAMILY/models/shared/{vae,text_encoder,tokenizer}
//   FAMILY/models/NAME/{model_index.json,unet,scheduler} and links to the shared parts
//   FAMILY/clip        the CLIP folder        FAMILY/features   the feature network
//   FAMILY/curves      loss curves, as CSV    FAMILY/recipes    what it is all made from
//
// Weights are written as float16 safetensors. Throws on I/O faults. Thread: any.
#pragma once

#include <torch/nn/module.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/io/safetensors.h"
#include "base/json.h"
#include "worker/diffusion/training/objective.h"

namespace isocost::diffusion {

struct WeightsFile {
  std::filesystem::path folder;  // made when missing
  std::string base;              // "diffusion_pytorch_model", "model"
  Json config;                   // config.json
  io::Metadata metadata{};       // of the weights, besides their format
};
// Every parameter for which keep(name) holds; an empty `keep` takes all.
void write_model(const torch::nn::Module& module, const WeightsFile& file,
                 const std::function<bool(const std::string&)>& keep = {});

// Of parts in models/shared, all together. Fails with: one is missing.
[[nodiscard]] Result<std::string> shared_digest(const std::filesystem::path& family,
                                                const std::vector<std::string>& parts);

void write_json(const std::filesystem::path& file, const Json& json);

// models/NAME around a finished unet: model_index.json, scheduler, links to the shared parts.
struct PipelineKind {
  Objective objective;
  std::string class_name;  // of diffusers
};
void write_pipeline(const std::filesystem::path& family, const std::string& name,
                    const PipelineKind& kind);

// Rounds every parameter to what float16 holds, so that what is measured is what is shipped.
void round_to_half(torch::nn::Module& module);

}  // namespace isocost::diffusion

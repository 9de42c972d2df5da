// The vision transformer that DINO is measured with, as transformers has it (ViTModel).
//
//   Result<Vit> vit = load_vit("models/dino-vits16");
//   Tensor token = (*vit)->class_token(pixels);     // [B, 3, S, S], normalised -> [B, C]
//
// Its layers are those of CLIP's vision tower. Thread: one at a time.
#pragma once

#include <filesystem>

#include "worker/diffusion/models/clip.h"

namespace isocost::diffusion {

struct VitBodyImpl : torch::nn::Module {
  explicit VitBodyImpl(const arch::VitConfig& config);
  Tensor forward(const Tensor& pixels);  // [B, patches + 1, C], after the last norm

  Tensor cls_token, position_embeddings;
  torch::nn::Conv2d patch_embedding;
  ClipEncoder encoder;
  torch::nn::LayerNorm layernorm;
};
TORCH_MODULE(VitBody);

struct VitImpl : torch::nn::Module {
  explicit VitImpl(arch::VitConfig config);
  [[nodiscard]] Tensor class_token(const Tensor& pixels);

  arch::VitConfig config;
  VitBody vit;
};
TORCH_MODULE(Vit);

[[nodiscard]] Result<Vit> load_vit(const std::filesystem::path& folder);

}  // namespace isocost::diffusion

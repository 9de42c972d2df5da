#include "worker/diffusion/models/vit.h"

namespace isocost::diffusion {

VitBodyImpl::VitBodyImpl(const arch::VitConfig& config)
    : cls_token(register_parameter("cls_token", at::zeros({1, 1, config.tower.hidden_size}))),
      position_embeddings(register_parameter(
          "position_embeddings", at::zeros({1, config.positions(), config.tower.hidden_size}))),
      patch_embedding(
          register_module("patch_embedding", conv2d(config.num_channels, config.tower.hidden_size,
                                                    config.patch_size, config.patch_size, 0))),
      encoder(register_module("encoder", ClipEncoder(config.tower))),
      layernorm(register_module(
          "layernorm", layer_norm(config.tower.hidden_size, config.tower.layer_norm_eps))) {}

Tensor VitBodyImpl::forward(const Tensor& pixels) {
  const Tensor patches = patch_embedding(pixels).flatten(2).transpose(1, 2);  // [B, patches, C]
  const Tensor first = cls_token.expand({pixels.size(0), 1, -1});
  return layernorm(encoder(at::cat({first, patches}, 1) + position_embeddings, false).back());
}

VitImpl::VitImpl(arch::VitConfig c)
    : config(std::move(c)), vit(register_module("vit", VitBody(config))) {}

Tensor VitImpl::class_token(const Tensor& pixels) { return vit(pixels).select(1, 0); }

}  // namespace isocost::diffusion

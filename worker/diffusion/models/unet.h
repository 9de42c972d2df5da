// UNet2DConditionModel as diffusers has it: `named_parameters()` are exactly the keys of its
// checkpoints.
//
//   UNet unet(config);                       // a configuration from schema/arch
//   load_weights(*unet, tensors, where);     // worker/diffusion/models/load.h
//   Tensor epsilon = unet->forward(x, timesteps, text);
//
// Differentiable; the training code uses this very module. Inference of small models is faster
// through FastUNet, which reads the same weights. Thread: one at a time.
#pragma once

#include "schema/arch/config.h"
#include "worker/diffusion/models/layers.h"

namespace isocost::diffusion {

// What some models want besides the text.
struct UNetExtras {
  Tensor class_labels;  // [B] int64: num_class_embeds
  Tensor text_embeds;   // [B, P]: addition_embed_type text_time
  Tensor time_ids;      // [B, 6]
};

// Two linear layers with SiLU between.
struct TimestepEmbeddingImpl : torch::nn::Module {
  TimestepEmbeddingImpl(std::int64_t in, std::int64_t out);
  Tensor forward(const Tensor& x);

  torch::nn::Linear linear_1, linear_2;
};
TORCH_MODULE(TimestepEmbedding);

struct DownBlockImpl : torch::nn::Module {
  DownBlockImpl(const arch::UNetConfig& config, std::size_t index);
  // Appends every output that an up block will take.
  Tensor forward(Tensor x, const Tensor& time, const Tensor& context, std::vector<Tensor>& skips);

  torch::nn::ModuleList resnet_list, attention_list, downsampler_list;
  std::vector<ResnetBlock> resnets;
  std::vector<SpatialTransformer> attentions;
  Downsampler downsampler{nullptr};
};
TORCH_MODULE(DownBlock);

struct MidBlockImpl : torch::nn::Module {
  explicit MidBlockImpl(const arch::UNetConfig& config);
  Tensor forward(Tensor x, const Tensor& time, const Tensor& context);

  torch::nn::ModuleList attention_list, resnet_list;
  SpatialTransformer attention{nullptr};
  ResnetBlock resnet_0{nullptr}, resnet_1{nullptr};
};
TORCH_MODULE(MidBlock);

struct UpBlockImpl : torch::nn::Module {
  UpBlockImpl(const arch::UNetConfig& config, std::size_t index);
  // Takes its skips from the end of the list.
  Tensor forward(Tensor x, const Tensor& time, const Tensor& context, std::vector<Tensor>& skips);

  torch::nn::ModuleList resnet_list, attention_list, upsampler_list;
  std::vector<ResnetBlock> resnets;
  std::vector<SpatialTransformer> attentions;
  Upsampler upsampler{nullptr};
};
TORCH_MODULE(UpBlock);

struct UNetImpl : torch::nn::Module {
  explicit UNetImpl(arch::UNetConfig config);

  Tensor forward(const Tensor& sample,            // [B, in, H, W]
                 const Tensor& timesteps,         // [B], fractions allowed
                 const Tensor& context,           // [B, S, context width]
                 const UNetExtras& extras = {});  // [B, out, H, W]

  // SiLU of the time embedding, [B, T]: what every residual block projects.
  [[nodiscard]] Tensor time_features(const Tensor& timesteps, at::ScalarType dtype,
                                     const UNetExtras& extras);

  arch::UNetConfig config;
  torch::nn::Conv2d conv_in, conv_out{nullptr};
  TimestepEmbedding time_embedding, add_embedding{nullptr};
  torch::nn::Embedding class_embedding{nullptr};
  torch::nn::ModuleList down_blocks, up_blocks;
  std::vector<DownBlock> downs;
  MidBlock mid_block{nullptr};
  std::vector<UpBlock> ups;
  torch::nn::GroupNorm conv_norm_out{nullptr};
};
TORCH_MODULE(UNet);

// The same network with more input channels behind its own, which have no effect yet: their weights
// are 0. So a text-to-image network begins to be trained for a task that joins channels to the
// latents. Requires: channels >= those that it has.
[[nodiscard]] UNet grown(UNet& network, std::int64_t channels);

}  // namespace isocost::diffusion

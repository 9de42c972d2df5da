// AutoencoderKL as diffusers has it: `named_parameters()` are exactly the keys of its checkpoints.
//
//   auto posterior = vae->encode(pictures);            // pictures in [-1, 1]
//   Tensor latents = posterior.mean * config.scaling_factor;
//   Tensor pictures = vae->decode(latents / config.scaling_factor);
//
// Differentiable. Thread: one at a time.
#pragma once

#include "schema/arch/config.h"
#include "worker/diffusion/models/layers.h"

namespace isocost::diffusion {

// One head over all positions, inside a residual.
struct SpatialAttentionImpl : torch::nn::Module {
  SpatialAttentionImpl(std::int64_t channels, std::int64_t groups);
  Tensor forward(const Tensor& x);  // [B, C, H, W]

  torch::nn::GroupNorm group_norm;
  torch::nn::Linear to_q, to_k, to_v;
  torch::nn::ModuleList to_out;
  torch::nn::Linear out;  // to_out.0
};
TORCH_MODULE(SpatialAttention);

struct VaeMidBlockImpl : torch::nn::Module {
  explicit VaeMidBlockImpl(const arch::VaeConfig& config);
  Tensor forward(Tensor x);

  torch::nn::ModuleList attention_list, resnet_list;
  SpatialAttention attention{nullptr};
  ResnetBlock resnet_0{nullptr}, resnet_1{nullptr};
};
TORCH_MODULE(VaeMidBlock);

// Residual blocks and what changes the size: one level of the encoder (samples down) or of the
// decoder (up).
struct VaeLevelOptions {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t layers = 1;
  std::int64_t groups = 32;
  bool has_downsampler = false;
  bool has_upsampler = false;
};
struct VaeLevelImpl : torch::nn::Module {
  explicit VaeLevelImpl(const VaeLevelOptions& options);
  Tensor forward(Tensor x);

  torch::nn::ModuleList resnet_list;
  std::vector<ResnetBlock> resnets;
  Downsampler downsampler{nullptr};
  Upsampler upsampler{nullptr};
};
TORCH_MODULE(VaeLevel);

struct VaeEncoderImpl : torch::nn::Module {
  explicit VaeEncoderImpl(const arch::VaeConfig& config);
  Tensor forward(Tensor x);  // [B, 3, H, W] -> [B, 2 latent, H / f, W / f]

  torch::nn::Conv2d conv_in;
  torch::nn::ModuleList down_blocks;
  std::vector<VaeLevel> levels;
  VaeMidBlock mid_block{nullptr};
  torch::nn::GroupNorm conv_norm_out{nullptr};
  torch::nn::Conv2d conv_out{nullptr};
};
TORCH_MODULE(VaeEncoder);

struct VaeDecoderImpl : torch::nn::Module {
  explicit VaeDecoderImpl(const arch::VaeConfig& config);
  Tensor forward(Tensor x);  // [B, latent, h, w] -> [B, 3, h f, w f]

  torch::nn::Conv2d conv_in;
  torch::nn::ModuleList up_blocks;
  std::vector<VaeLevel> levels;
  VaeMidBlock mid_block{nullptr};
  torch::nn::GroupNorm conv_norm_out{nullptr};
  torch::nn::Conv2d conv_out{nullptr};
};
TORCH_MODULE(VaeDecoder);

struct Posterior {
  Tensor mean;    // [B, latent, h, w]
  Tensor logvar;  // clamped to [-30, 20]
  // mean + exp(logvar / 2) noise
  [[nodiscard]] Tensor sample(const Tensor& noise) const;
};

struct AutoencoderImpl : torch::nn::Module {
  explicit AutoencoderImpl(arch::VaeConfig config);
  [[nodiscard]] Posterior encode(const Tensor& pictures);
  [[nodiscard]] Tensor decode(
      const Tensor& z);  // z already divided by the scaling factor; not clamped

  arch::VaeConfig config;
  VaeEncoder encoder;
  VaeDecoder decoder;
  torch::nn::Conv2d quant_conv{nullptr}, post_quant_conv{nullptr};
};
TORCH_MODULE(Autoencoder);

// Pictures [B, 3, H, W] as bytes, from what decode gave: (x / 2 + 0.5) clamped, times 255, rounded
// half to even.
[[nodiscard]] Tensor to_bytes(const Tensor& decoded);

}  // namespace isocost::diffusion

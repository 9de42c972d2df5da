// The layers that the models share, registered under the keys of diffusers' checkpoints,
// differentiable.
//
// Each Impl is a torch::nn::Module; use the holder (ResnetBlock, Attention, ...). All follow the
// memory format of what they are given: channels-last tensors stay so. Gradient and device policy
// belong to the caller. Thread: one at a time.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <string>
#include <vector>

namespace isocost::diffusion {

using at::Tensor;

[[nodiscard]] torch::nn::Conv2d conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                       std::int64_t stride = 1,
                                       std::int64_t padding = -1);  // -1: half the kernel
[[nodiscard]] torch::nn::Linear linear(std::int64_t in, std::int64_t out, bool bias = true);
[[nodiscard]] torch::nn::GroupNorm group_norm(std::int64_t groups, std::int64_t channels,
                                              double eps);
[[nodiscard]] torch::nn::LayerNorm layer_norm(std::int64_t width, double eps = 1e-5);

// softmax(q k^T / sqrt(d) + mask) v over heads. Chooses by shape alone between PyTorch's fused
// kernel and plain matrix products, which are faster for heads of a few channels.
[[nodiscard]] Tensor multi_head_attention(const Tensor& q,  // [B, Lq, C]
                                          const Tensor& k,  // [B, Lk, C]
                                          const Tensor& v,  // [B, Lk, C]
                                          std::int64_t heads,
                                          bool is_causal = false);  // [B, Lq, C]

// LPIPS's distance (Zhang et al. 2018, equation 1) of what a network sees at its levels, each
// [B, C, H, W]: of unit length a pixel over its channels, squared differences, each channel times
// its weight ([C]; no weights: 1), summed over channels, the mean over pixels, summed over levels.
[[nodiscard]] Tensor unit_length_a_pixel(const Tensor& x);
[[nodiscard]] Tensor perceptual_distance(const std::vector<Tensor>& x, const std::vector<Tensor>& y,
                                         const std::vector<Tensor>& weights = {});  // [B]

// [cos, sin] (flipped) or [sin, cos] of t times geometric frequencies, float32.
struct SinusoidOptions {
  std::int64_t width = 320;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
};
[[nodiscard]] Tensor sinusoids(const Tensor& timesteps,
                               const SinusoidOptions& options);  // [B] -> [B, width]

struct ResnetOptions {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t time_width = 0;  // 0: no time embedding (the autoencoder)
  std::int64_t groups = 32;
  double eps = 1e-5;
  double output_scale_factor = 1;
};

// GroupNorm, SiLU, conv, + time, GroupNorm, SiLU, conv, + input.
struct ResnetBlockImpl : torch::nn::Module {
  explicit ResnetBlockImpl(const ResnetOptions& options);
  Tensor forward(const Tensor& x,
                 const Tensor& time = {});  // [B, in, H, W], SiLU(temb) [B, T] -> [B, out, H, W]

  ResnetOptions options;
  torch::nn::GroupNorm norm1, norm2;
  torch::nn::Conv2d conv1, conv2;
  torch::nn::Linear time_emb_proj{nullptr};
  torch::nn::Conv2d conv_shortcut{nullptr};
};
TORCH_MODULE(ResnetBlock);

struct AttentionOptions {
  std::int64_t width = 0;
  std::int64_t context_width = 0;  // of what keys and values are made of
  std::int64_t heads = 1;
  bool has_bias = false;  // of to_q, to_k, to_v; to_out always has one
};

struct AttentionImpl : torch::nn::Module {
  explicit AttentionImpl(const AttentionOptions& options);
  Tensor forward(const Tensor& x, const Tensor& context);  // [B, L, C], [B, S, D] -> [B, L, C]

  std::int64_t heads;
  torch::nn::Linear to_q, to_k, to_v;
  torch::nn::ModuleList to_out;
  torch::nn::Linear out;  // to_out.0
};
TORCH_MODULE(Attention);

// GEGLU: a linear layer to twice the width, one half gated by the exact GELU of the other.
struct GegluImpl : torch::nn::Module {
  GegluImpl(std::int64_t in, std::int64_t out);
  Tensor forward(const Tensor& x);

  torch::nn::Linear proj;
};
TORCH_MODULE(Geglu);

struct FeedForwardImpl : torch::nn::Module {
  explicit FeedForwardImpl(std::int64_t width);
  Tensor forward(const Tensor& x);

  torch::nn::ModuleList net;
  Geglu gate;             // net.0
  torch::nn::Linear out;  // net.2
};
TORCH_MODULE(FeedForward);

struct TransformerOptions {
  std::int64_t width = 0;
  std::int64_t context_width = 0;
  std::int64_t heads = 8;
  std::int64_t layers = 1;
  std::int64_t groups = 32;
  bool only_cross_attention = false;
  bool use_linear_projection = false;
};

struct TransformerBlockImpl : torch::nn::Module {
  explicit TransformerBlockImpl(const TransformerOptions& options);
  Tensor forward(Tensor x, const Tensor& context);  // [B, L, C]

  bool only_cross_attention;
  torch::nn::LayerNorm norm1, norm2, norm3;
  Attention attn1, attn2;
  FeedForward ff;
};
TORCH_MODULE(TransformerBlock);

// diffusers' Transformer2DModel.
struct SpatialTransformerImpl : torch::nn::Module {
  explicit SpatialTransformerImpl(const TransformerOptions& options);
  Tensor forward(const Tensor& x, const Tensor& context);  // [B, C, H, W]

  torch::nn::GroupNorm norm;
  torch::nn::Conv2d conv_in{nullptr}, conv_out{nullptr};  // proj_in, proj_out: 1x1 convolutions, or
  torch::nn::Linear linear_in{nullptr},
      linear_out{nullptr};  // with use_linear_projection linear layers
  torch::nn::ModuleList transformer_blocks;
  std::vector<TransformerBlock> blocks;
};
TORCH_MODULE(SpatialTransformer);

// A 3x3 convolution of stride 2, under the key `conv`; `is_asymmetric` pads right and bottom alone,
// as the encoder does.
struct DownsamplerImpl : torch::nn::Module {
  DownsamplerImpl(std::int64_t channels, bool is_asymmetric);
  Tensor forward(const Tensor& x);

  bool is_asymmetric;
  torch::nn::Conv2d conv;
};
TORCH_MODULE(Downsampler);

// Nearest neighbour to twice the size, or to a stated size, then a 3x3 convolution under the key
// `conv`.
struct UpsamplerImpl : torch::nn::Module {
  explicit UpsamplerImpl(std::int64_t channels);
  Tensor forward(const Tensor& x, std::vector<std::int64_t> size = {});

  torch::nn::Conv2d conv;
};
TORCH_MODULE(Upsampler);

}  // namespace isocost::diffusion

#include "worker/diffusion/models/layers.h"

#include <cmath>

namespace isocost::diffusion {
namespace nn = torch::nn;

namespace {

// Below this many channels a head the fused kernel loses to plain matrix products on the CPU.
constexpr std::int64_t kFusedHeadWidth = 16;

Tensor causal_mask(const Tensor& scores) {
  const auto length = scores.size(-1);
  return at::full({length, length}, -std::numeric_limits<float>::infinity(), scores.options())
      .triu(1);
}

// [B, L, C] -> [B, h, L, d]
Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
}

}  // namespace

nn::Conv2d conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                  std::int64_t padding) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel)
                        .stride(stride)
                        .padding(padding < 0 ? kernel / 2 : padding));
}

nn::Linear linear(std::int64_t in, std::int64_t out, bool bias) {
  return nn::Linear(nn::LinearOptions(in, out).bias(bias));
}

nn::GroupNorm group_norm(std::int64_t groups, std::int64_t channels, double eps) {
  return nn::GroupNorm(nn::GroupNormOptions(groups, channels).eps(eps));
}

nn::LayerNorm layer_norm(std::int64_t width, double eps) {
  return nn::LayerNorm(nn::LayerNormOptions({width}).eps(eps));
}

Tensor multi_head_attention(const Tensor& q, const Tensor& k, const Tensor& v, std::int64_t heads,
                            bool is_causal) {
  const auto batch = q.size(0);
  const auto width = q.size(2);
  const auto head_width = width / heads;
  const auto query = split_heads(q, heads);
  const auto key = split_heads(k, heads);
  const auto value = split_heads(v, heads);
  // Backwards the fused kernel takes several times as long at any width that is trained here.
  const bool is_training = at::GradMode::is_enabled() && q.requires_grad();
  Tensor mixed;  // [B, h, Lq, d]
  if (!q.is_cpu() || (head_width >= kFusedHeadWidth && !is_training)) {
    mixed = at::scaled_dot_product_attention(query, key, value, {}, 0.0, is_causal);
  } else {
    const double scale = 1.0 / std::sqrt(static_cast<double>(head_width));
    auto scores = at::matmul(query * scale, key.transpose(-2, -1));  // [B, h, Lq, Lk]
    if (is_causal) scores = scores + causal_mask(scores);
    mixed = at::matmul(at::softmax(scores, -1), value);
  }
  return mixed.transpose(1, 2).reshape({batch, q.size(1), width});
}

Tensor unit_length_a_pixel(const Tensor& x) { return x / ((x * x).sum(1, true).sqrt() + 1e-10); }

Tensor perceptual_distance(const std::vector<Tensor>& x, const std::vector<Tensor>& y,
                           const std::vector<Tensor>& weights) {
  Tensor sum = at::zeros({x.front().size(0)}, x.front().options());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Tensor difference = x[i] - y[i];
    Tensor squared = difference * difference;
    if (!weights.empty()) squared = squared * weights[i].view({1, -1, 1, 1});
    sum = sum + squared.sum(1).flatten(1).mean(1);
  }
  return sum;
}

Tensor sinusoids(const Tensor& timesteps, const SinusoidOptions& options) {
  const auto half = options.width / 2;
  const auto float32 = timesteps.options().dtype(at::kFloat);
  auto exponent = at::arange(half, float32) * -std::log(10000.0);
  exponent = exponent / (static_cast<double>(half) - options.freq_shift);
  const auto angles =
      timesteps.to(at::kFloat).unsqueeze(1) * at::exp(exponent).unsqueeze(0);  // [B, half]
  auto both = options.flip_sin_to_cos ? at::cat({at::cos(angles), at::sin(angles)}, -1)
                                      : at::cat({at::sin(angles), at::cos(angles)}, -1);
  if (options.width % 2 == 1) both = at::constant_pad_nd(both, {0, 1});
  return both;
}

ResnetBlockImpl::ResnetBlockImpl(const ResnetOptions& o)
    : options(o),
      norm1(register_module("norm1", group_norm(o.groups, o.in, o.eps))),
      norm2(nullptr),
      conv1(register_module("conv1", conv2d(o.in, o.out, 3))),
      conv2(nullptr) {
  if (o.time_width > 0)
    time_emb_proj = register_module("time_emb_proj", linear(o.time_width, o.out));
  norm2 = register_module("norm2", group_norm(o.groups, o.out, o.eps));
  conv2 = register_module("conv2", conv2d(o.out, o.out, 3));
  if (o.in != o.out) conv_shortcut = register_module("conv_shortcut", conv2d(o.in, o.out, 1));
}

Tensor ResnetBlockImpl::forward(const Tensor& x, const Tensor& time) {
  auto h = conv1(at::silu(norm1(x)));  // [B, out, H, W]
  if (time_emb_proj) h = h + time_emb_proj(time).unsqueeze(-1).unsqueeze(-1);
  h = conv2(at::silu(norm2(h)));
  h = (conv_shortcut ? conv_shortcut(x) : x) + h;
  return options.output_scale_factor == 1.0 ? h : h / options.output_scale_factor;
}

AttentionImpl::AttentionImpl(const AttentionOptions& o)
    : heads(o.heads),
      to_q(register_module("to_q", linear(o.width, o.width, o.has_bias))),
      to_k(register_module("to_k", linear(o.context_width, o.width, o.has_bias))),
      to_v(register_module("to_v", linear(o.context_width, o.width, o.has_bias))),
      to_out(register_module("to_out", nn::ModuleList())),
      out(linear(o.width, o.width)) {
  to_out->push_back(out);
}

Tensor AttentionImpl::forward(const Tensor& x, const Tensor& context) {
  return out(multi_head_attention(to_q(x), to_k(context), to_v(context), heads));
}

GegluImpl::GegluImpl(std::int64_t in, std::int64_t out_width)
    : proj(register_module("proj", linear(in, 2 * out_width))) {}

Tensor GegluImpl::forward(const Tensor& x) {
  const auto halves = proj(x).chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

FeedForwardImpl::FeedForwardImpl(std::int64_t width)
    : net(register_module("net", nn::ModuleList())),
      gate(width, 4 * width),
      out(linear(4 * width, width)) {
  net->push_back(gate);
  net->push_back(nn::Identity());  // the checkpoint counts a dropout layer here
  net->push_back(out);
}

Tensor FeedForwardImpl::forward(const Tensor& x) { return out(gate(x)); }

TransformerBlockImpl::TransformerBlockImpl(const TransformerOptions& o)
    : only_cross_attention(o.only_cross_attention),
      norm1(register_module("norm1", layer_norm(o.width))),
      norm2(nullptr),
      norm3(nullptr),
      attn1(register_module(
          "attn1", Attention(AttentionOptions{
                       o.width, o.only_cross_attention ? o.context_width : o.width, o.heads}))),
      attn2(nullptr),
      ff(nullptr) {
  norm2 = register_module("norm2", layer_norm(o.width));
  attn2 = register_module("attn2", Attention(AttentionOptions{o.width, o.context_width, o.heads}));
  norm3 = register_module("norm3", layer_norm(o.width));
  ff = register_module("ff", FeedForward(o.width));
}

Tensor TransformerBlockImpl::forward(Tensor x, const Tensor& context) {
  const auto normed = norm1(x);
  x = x + attn1(normed, only_cross_attention ? context : normed);
  x = x + attn2(norm2(x), context);
  return x + ff(norm3(x));
}

SpatialTransformerImpl::SpatialTransformerImpl(const TransformerOptions& o)
    : norm(register_module("norm", group_norm(o.groups, o.width, 1e-6))),
      transformer_blocks(nullptr) {
  if (o.use_linear_projection) {
    linear_in = register_module("proj_in", linear(o.width, o.width));
  } else {
    conv_in = register_module("proj_in", conv2d(o.width, o.width, 1));
  }
  transformer_blocks = register_module("transformer_blocks", nn::ModuleList());
  for (std::int64_t i = 0; i < o.layers; ++i) {
    blocks.emplace_back(o);
    transformer_blocks->push_back(blocks.back());
  }
  if (o.use_linear_projection) {
    linear_out = register_module("proj_out", linear(o.width, o.width));
  } else {
    conv_out = register_module("proj_out", conv2d(o.width, o.width, 1));
  }
}

Tensor SpatialTransformerImpl::forward(const Tensor& x, const Tensor& context) {
  const auto height = x.size(2);
  const auto width = x.size(3);
  auto h = norm(x);
  if (conv_in) h = conv_in(h);
  h = h.permute({0, 2, 3, 1}).reshape({x.size(0), height * width, x.size(1)});  // [B, HW, C]
  if (linear_in) h = linear_in(h);
  for (auto& block : blocks) h = block(h, context);
  if (linear_out) h = linear_out(h);
  h = h.view({x.size(0), height, width, x.size(1)}).permute({0, 3, 1, 2});  // [B, C, H, W]
  if (!x.is_contiguous(at::MemoryFormat::ChannelsLast)) h = h.contiguous();
  if (conv_out) h = conv_out(h);
  return h + x;
}

DownsamplerImpl::DownsamplerImpl(std::int64_t channels, bool asymmetric)
    : is_asymmetric(asymmetric),
      conv(register_module("conv", conv2d(channels, channels, 3, 2, asymmetric ? 0 : 1))) {}

Tensor DownsamplerImpl::forward(const Tensor& x) {
  return conv(is_asymmetric ? at::constant_pad_nd(x, {0, 1, 0, 1}) : x);
}

UpsamplerImpl::UpsamplerImpl(std::int64_t channels)
    : conv(register_module("conv", conv2d(channels, channels, 3))) {}

Tensor UpsamplerImpl::forward(const Tensor& x, std::vector<std::int64_t> size) {
  if (size.empty()) size = {2 * x.size(2), 2 * x.size(3)};
  return conv(at::upsample_nearest2d(x, size));
}

}  // namespace isocost::diffusion

#include "worker/diffusion/models/autoencoder.h"

#include "base/check.h"

namespace isocost::diffusion {
namespace nn = torch::nn;

namespace {

constexpr double kEps = 1e-6;  // of every GroupNorm here

ResnetOptions resnet_options(std::int64_t in, std::int64_t out, std::int64_t groups) {
  return {in, out, 0, groups, kEps, 1.0};
}

}  // namespace

SpatialAttentionImpl::SpatialAttentionImpl(std::int64_t channels, std::int64_t groups)
    : group_norm(register_module("group_norm", diffusion::group_norm(groups, channels, kEps))),
      to_q(register_module("to_q", linear(channels, channels))),
      to_k(register_module("to_k", linear(channels, channels))),
      to_v(register_module("to_v", linear(channels, channels))),
      to_out(register_module("to_out", nn::ModuleList())),
      out(linear(channels, channels)) {
  to_out->push_back(out);
}

Tensor SpatialAttentionImpl::forward(const Tensor& x) {
  const auto h =
      group_norm(x).permute({0, 2, 3, 1}).reshape({x.size(0), -1, x.size(1)});  // [B, HW, C]
  const auto mixed = out(multi_head_attention(to_q(h), to_k(h), to_v(h), 1));
  return x + mixed.view({x.size(0), x.size(2), x.size(3), x.size(1)}).permute({0, 3, 1, 2});
}

VaeMidBlockImpl::VaeMidBlockImpl(const arch::VaeConfig& config)
    : attention_list(nullptr), resnet_list(nullptr) {
  const auto width = config.block_out_channels.back();
  if (config.mid_block_add_attention) {
    attention_list = register_module("attentions", nn::ModuleList());
    attention = SpatialAttention(width, config.norm_num_groups);
    attention_list->push_back(attention);
  }
  resnet_list = register_module("resnets", nn::ModuleList());
  resnet_0 = ResnetBlock(resnet_options(width, width, config.norm_num_groups));
  resnet_1 = ResnetBlock(resnet_options(width, width, config.norm_num_groups));
  resnet_list->push_back(resnet_0);
  resnet_list->push_back(resnet_1);
}

Tensor VaeMidBlockImpl::forward(Tensor x) {
  x = resnet_0(x);
  if (attention) x = attention(x);
  return resnet_1(x);
}

VaeLevelImpl::VaeLevelImpl(const VaeLevelOptions& o)
    : resnet_list(register_module("resnets", nn::ModuleList())) {
  for (std::int64_t layer = 0; layer < o.layers; ++layer) {
    resnets.emplace_back(resnet_options(layer == 0 ? o.in : o.out, o.out, o.groups));
    resnet_list->push_back(resnets.back());
  }
  if (o.has_downsampler) {
    downsampler = Downsampler(o.out, true);
    register_module("downsamplers", nn::ModuleList())->push_back(downsampler);
  }
  if (o.has_upsampler) {
    upsampler = Upsampler(o.out);
    register_module("upsamplers", nn::ModuleList())->push_back(upsampler);
  }
}

Tensor VaeLevelImpl::forward(Tensor x) {
  for (auto& resnet : resnets) x = resnet(x);
  if (downsampler) x = downsampler(x);
  if (upsampler) x = upsampler(x);
  return x;
}

VaeEncoderImpl::VaeEncoderImpl(const arch::VaeConfig& config)
    : conv_in(register_module("conv_in",
                              conv2d(config.in_channels, config.block_out_channels.front(), 3))),
      down_blocks(register_module("down_blocks", nn::ModuleList())) {
  const auto& widths = config.block_out_channels;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    VaeLevelOptions options{widths[i == 0 ? 0 : i - 1], widths[i], config.layers_per_block,
                            config.norm_num_groups};
    options.has_downsampler = i + 1 < widths.size();
    levels.emplace_back(options);
    down_blocks->push_back(levels.back());
  }
  mid_block = register_module("mid_block", VaeMidBlock(config));
  conv_norm_out =
      register_module("conv_norm_out", group_norm(config.norm_num_groups, widths.back(), kEps));
  conv_out = register_module("conv_out", conv2d(widths.back(), 2 * config.latent_channels, 3));
}

Tensor VaeEncoderImpl::forward(Tensor x) {
  x = conv_in(x);
  for (auto& level : levels) x = level(x);
  return conv_out(at::silu(conv_norm_out(mid_block(x))));
}

VaeDecoderImpl::VaeDecoderImpl(const arch::VaeConfig& config)
    : conv_in(register_module("conv_in",
                              conv2d(config.latent_channels, config.block_out_channels.back(), 3))),
      up_blocks(register_module("up_blocks", nn::ModuleList())) {
  const std::vector<std::int64_t> widths(config.block_out_channels.rbegin(),
                                         config.block_out_channels.rend());
  mid_block = register_module("mid_block", VaeMidBlock(config));
  for (std::size_t i = 0; i < widths.size(); ++i) {
    VaeLevelOptions options{widths[i == 0 ? 0 : i - 1], widths[i], config.layers_per_block + 1,
                            config.norm_num_groups};
    options.has_upsampler = i + 1 < widths.size();
    levels.emplace_back(options);
    up_blocks->push_back(levels.back());
  }
  conv_norm_out =
      register_module("conv_norm_out", group_norm(config.norm_num_groups, widths.back(), kEps));
  conv_out = register_module("conv_out", conv2d(widths.back(), config.out_channels, 3));
}

Tensor VaeDecoderImpl::forward(Tensor x) {
  x = mid_block(conv_in(x));
  for (auto& level : levels) x = level(x);
  return conv_out(at::silu(conv_norm_out(x)));
}

Tensor Posterior::sample(const Tensor& noise) const { return mean + at::exp(0.5 * logvar) * noise; }

AutoencoderImpl::AutoencoderImpl(arch::VaeConfig c)
    : config(std::move(c)),
      encoder(register_module("encoder", VaeEncoder(config))),
      decoder(register_module("decoder", VaeDecoder(config))) {
  const auto latent = config.latent_channels;
  if (config.use_quant_conv)
    quant_conv = register_module("quant_conv", conv2d(2 * latent, 2 * latent, 1));
  if (config.use_post_quant_conv)
    post_quant_conv = register_module("post_quant_conv", conv2d(latent, latent, 1));
}

Posterior AutoencoderImpl::encode(const Tensor& pictures) {
  auto moments = encoder(pictures);
  if (quant_conv) moments = quant_conv(moments);
  const auto halves = moments.chunk(2, 1);
  return {halves[0], halves[1].clamp(-30.0, 20.0)};
}

Tensor AutoencoderImpl::decode(const Tensor& z) {
  ISOCOST_CHECK(z.dim() == 4 && z.size(1) == config.latent_channels,
                "latents are those of this autoencoder");
  return decoder(post_quant_conv ? post_quant_conv(z) : z);
}

Tensor to_bytes(const Tensor& decoded) {
  ISOCOST_CHECK(decoded.dim() == 4 && decoded.size(1) == 3, "pictures have three colours");
  return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(at::kByte);
}

}  // namespace isocost::diffusion

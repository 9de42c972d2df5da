#include "worker/diffusion/fast/fast_decoder.h"

#include <algorithm>

#include "base/check.h"
#include "worker/diffusion/fast/network.h"

namespace isocost::diffusion {

using namespace fast;  // the folder's own words; nothing else is named alike

namespace {

constexpr std::int64_t kLatentPixelsMax = 1024;
constexpr std::int64_t kChunkLatentPixels = 256;  // how many run through the network together

}  // namespace

struct FastDecoder::Network {
  explicit Network(Autoencoder vae);
  FastResnet resnet_of(const ResnetBlock& resnet);
  void run(const Tensor& z, std::int64_t begin, std::int64_t end, Tensor& out);

  Autoencoder vae;
  Packed post_quant, conv_in, conv_out;
  FastResnet mid_0, mid_1;
  Norm attention_norm, norm_out;
  FastAttention attention;
  bool has_attention = false;
  std::vector<FastLevel> levels;
  std::vector<at::Tensor> bias_parts;  // of every residual block's first convolution, then one row:
  at::Tensor biases;
  std::int64_t bias_width = 0;
  Arena arena;
  OffsetTables offsets;
  Layers layers;
};

FastDecoder::Network::Network(Autoencoder module) : vae(std::move(module)), layers(arena, offsets) {
  const c10::InferenceMode guard;
  auto& decoder = vae->decoder;
  if (vae->post_quant_conv) post_quant = packed(vae->post_quant_conv);
  conv_in = packed(decoder->conv_in);
  mid_0 = resnet_of(decoder->mid_block->resnet_0);
  mid_1 = resnet_of(decoder->mid_block->resnet_1);
  has_attention = !decoder->mid_block->attention.is_empty();
  if (has_attention) {
    const auto& layer = decoder->mid_block->attention;
    attention_norm = norm_of(layer->group_norm);
    attention.qkv = pack(at::cat({layer->to_q->weight, layer->to_k->weight, layer->to_v->weight}),
                         at::cat({layer->to_q->bias, layer->to_k->bias, layer->to_v->bias}));
    attention.out = packed(layer->out);
  }
  for (const auto& level : decoder->levels) {
    levels.emplace_back();
    for (const auto& resnet : level->resnets) levels.back().resnets.push_back(resnet_of(resnet));
    if (level->upsampler) levels.back().resampler = packed(level->upsampler->conv);
  }
  norm_out = norm_of(decoder->conv_norm_out);
  conv_out = packed(decoder->conv_out);
  biases = at::cat(bias_parts);
}

FastResnet FastDecoder::Network::resnet_of(const ResnetBlock& resnet) {
  FastResnet fast = packed(resnet);
  fast.time_offset = bias_width;
  bias_width += fast.conv1.bias.numel();
  bias_parts.push_back(fast.conv1.bias);
  return fast;
}

void FastDecoder::Network::run(const Tensor& z, std::int64_t begin, std::int64_t end, Tensor& out) {
  const auto n = end - begin;
  const auto options = at::TensorOptions().dtype(at::kFloat);
  arena.release({});
  auto h = layers.make(n, z.size(2), z.size(3), z.size(1));
  at::from_blob(h.data, {n, h.h, h.w, h.c}, options)
      .copy_(z.slice(0, begin, end).permute({0, 2, 3, 1}));
  if (post_quant.n > 0) {
    const auto mixed = layers.make(n, h.h, h.w, post_quant.n);
    layers.pointwise(h, post_quant, mixed);
    h = mixed;
  }
  const auto first = layers.make(n, h.h, h.w, conv_in.n);
  layers.convolution(h, conv_in, first);
  h = layers.resnet(first, mid_0);
  if (has_attention) layers.spatial_attention(h, attention_norm, attention);
  h = layers.resnet(h, mid_1);
  for (const auto& level : levels) {
    for (const auto& resnet : level.resnets) h = layers.resnet(h, resnet);
    if (level.resampler.n == 0) continue;
    const auto large = layers.make(n, 2 * h.h, 2 * h.w, level.resampler.n);
    layers.upsample(h, level.resampler, large);
    h = large;
  }
  const auto output = layers.make(n, h.h, h.w, conv_out.n);
  layers.norm_convolution(h, norm_out, conv_out, conv_out.bias.const_data_ptr<float>(), nullptr,
                          output);
  out.slice(0, begin, end)
      .copy_(at::from_blob(output.data, {n, h.h, h.w, conv_out.n}, options).permute({0, 3, 1, 2}));
}

bool FastDecoder::supports(const arch::VaeConfig& config, std::int64_t height, std::int64_t width) {
  const auto& widths = config.block_out_channels;
  return height * width <= kLatentPixelsMax &&
         std::all_of(widths.begin(), widths.end(),
                     [](auto channels) { return channels % 8 == 0 && channels <= kWidthMax; });
}

FastDecoder::FastDecoder(Autoencoder vae) : network_(std::make_unique<Network>(std::move(vae))) {}
FastDecoder::~FastDecoder() = default;

Tensor FastDecoder::decode(const Tensor& z) {
  const c10::InferenceMode guard;
  auto& network = *network_;
  ISOCOST_CHECK(z.is_cpu() && z.scalar_type() == at::kFloat, "kernels read float32 in memory");
  const auto factor = network.vae->config.factor();
  auto out = at::empty({z.size(0), network.conv_out.n, z.size(2) * factor, z.size(3) * factor});
  const auto chunk = std::max<std::int64_t>(1, kChunkLatentPixels / (z.size(2) * z.size(3)));
  network.layers.begin(0, network.biases.const_data_ptr<float>());
  for (std::int64_t begin = 0; begin < z.size(0); begin += chunk)
    network.run(z, begin, std::min(begin + chunk, z.size(0)), out);
  return out;
}

}  // namespace isocost::diffusion

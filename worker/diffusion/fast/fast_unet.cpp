#include "worker/diffusion/fast/fast_unet.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "worker/diffusion/fast/network.h"

namespace isocost::diffusion {

using namespace fast;  // the folder's own words; nothing else is named alike

namespace {

constexpr std::int64_t kPixelsMax = 1024;  // beyond, the fused attention of a general library wins
constexpr std::int64_t kChunkPixels =
    1024;  // how many pixels of the first level run through the network together

bool is_plain(const arch::UNetBlockConfig& block) {
  return block.channels % 8 == 0 && block.channels <= kWidthMax && !block.only_cross_attention;
}

FastTransformerBlock block_of(const TransformerBlock& block) {
  const auto& self = block->attn1;
  const auto& cross = block->attn2;
  FastTransformerBlock fast;
  int i = 0;
  for (const auto& norm : {block->norm1, block->norm2, block->norm3}) {
    fast.norm_weights[i] = norm->weight.contiguous();
    fast.norm_biases[i++] = norm->bias.contiguous();
  }
  fast.self.qkv = pack(at::cat({self->to_q->weight, self->to_k->weight, self->to_v->weight}), {});
  fast.self.out = packed(self->out);
  fast.cross.qkv = pack(cross->to_q->weight, {});
  fast.cross.text = pack(at::cat({cross->to_k->weight, cross->to_v->weight}), {});
  fast.cross.out = packed(cross->out);
  fast.gate = packed(block->ff->gate->proj);
  fast.feed_out = packed(block->ff->out);
  return fast;
}

FastTransformer transformer_of(const SpatialTransformer& transformer) {
  FastTransformer fast;
  fast.norm = norm_of(transformer->norm);
  fast.in = transformer->conv_in ? packed(transformer->conv_in) : packed(transformer->linear_in);
  fast.out =
      transformer->conv_out ? packed(transformer->conv_out) : packed(transformer->linear_out);
  for (const auto& block : transformer->blocks) fast.blocks.push_back(block_of(block));
  fast.heads = transformer->blocks.front()->attn1->heads;
  return fast;
}

}  // namespace

struct FastUNet::Network {
  explicit Network(UNet module);
  FastResnet resnet_of(const ResnetBlock& resnet);
  template <class Block>
  FastLevel level_of(const Block& block);
  void for_each_attention(const std::function<void(FastAttention&)>& visit);
  void finish_time_projections();
  [[nodiscard]] at::Tensor time_biases(double timestep);
  void run(const Tensor& x, std::int64_t begin, std::int64_t end, Tensor& out);
  Pictures down(Pictures h, std::vector<Pictures>& skips);
  Pictures up(Pictures h, std::vector<Pictures>& skips);

  UNet unet;
  Packed conv_in, conv_out;
  Norm norm_out;
  std::vector<FastLevel> downs, ups;
  FastLevel mid;
  std::vector<at::Tensor> time_weights, time_offsets;  // of all residual blocks, then concatenated:
  at::Tensor time_weight, time_bias;                   // [sum of widths, T], [sum of widths]
  std::int64_t time_width = 0;
  Arena arena;
  OffsetTables offsets;
  Layers layers;
  std::int64_t bound_images = 0;
};

FastUNet::Network::Network(UNet module) : unet(std::move(module)), layers(arena, offsets) {
  const c10::InferenceMode guard;
  conv_in = packed(unet->conv_in);
  for (const auto& block : unet->downs) {
    downs.push_back(level_of(block));
    if (block->downsampler) downs.back().resampler = packed(block->downsampler->conv);
  }
  if (unet->mid_block) {
    mid.resnets = {resnet_of(unet->mid_block->resnet_0), resnet_of(unet->mid_block->resnet_1)};
    mid.transformers = {transformer_of(unet->mid_block->attention)};
  }
  for (const auto& block : unet->ups) {
    ups.push_back(level_of(block));
    if (block->upsampler) ups.back().resampler = packed(block->upsampler->conv);
  }
  norm_out = norm_of(unet->conv_norm_out);
  conv_out = packed(unet->conv_out);
  finish_time_projections();
}

FastResnet FastUNet::Network::resnet_of(const ResnetBlock& resnet) {
  FastResnet fast = packed(resnet);
  // The time projection and conv1's bias in one row, as wide as the panels of conv1.
  const auto width = padded_width(fast.conv1.n);
  auto weight = at::zeros({width, resnet->time_emb_proj->weight.size(1)});
  auto bias = at::zeros({width});
  weight.slice(0, 0, fast.conv1.n).copy_(resnet->time_emb_proj->weight);
  bias.slice(0, 0, fast.conv1.n).copy_(resnet->time_emb_proj->bias + resnet->conv1->bias);
  fast.time_offset = time_width;
  time_width += width;
  time_weights.push_back(weight);
  time_offsets.push_back(bias);
  return fast;
}

template <class Block>
FastLevel FastUNet::Network::level_of(const Block& block) {
  FastLevel level;
  for (const auto& resnet : block->resnets) level.resnets.push_back(resnet_of(resnet));
  for (const auto& transformer : block->attentions)
    level.transformers.push_back(transformer_of(transformer));
  return level;
}

void FastUNet::Network::finish_time_projections() {
  time_weight = at::cat(time_weights);
  time_bias = at::cat(time_offsets);
  time_weights.clear();
  time_offsets.clear();
}

void FastUNet::Network::for_each_attention(const std::function<void(FastAttention&)>& visit) {
  const auto visit_level = [&](FastLevel& level) {
    for (auto& transformer : level.transformers)
      for (auto& block : transformer.blocks) visit(block.cross);
  };
  for (auto& level : downs) visit_level(level);
  visit_level(mid);
  for (auto& level : ups) visit_level(level);
}

at::Tensor FastUNet::Network::time_biases(double timestep) {
  const auto t = at::full({1}, timestep, at::kFloat);
  return at::addmv(time_bias, time_weight, unet->time_features(t, at::kFloat, {}).squeeze(0));
}

Pictures FastUNet::Network::down(Pictures h, std::vector<Pictures>& skips) {
  for (const auto& level : downs) {
    for (std::size_t i = 0; i < level.resnets.size(); ++i) {
      h = layers.resnet(h, level.resnets[i]);
      if (!level.transformers.empty()) layers.transformer(h, level.transformers[i]);
      skips.push_back(h);
    }
    if (level.resampler.n == 0) continue;
    const auto half = layers.make(h.n, (h.h + 1) / 2, (h.w + 1) / 2, level.resampler.n);
    layers.downsample(h, level.resampler, half);
    h = half;
    skips.push_back(h);
  }
  if (mid.resnets.empty()) return h;
  h = layers.resnet(h, mid.resnets[0]);
  layers.transformer(h, mid.transformers[0]);
  return layers.resnet(h, mid.resnets[1]);
}

Pictures FastUNet::Network::up(Pictures h, std::vector<Pictures>& skips) {
  for (const auto& level : ups) {
    for (std::size_t i = 0; i < level.resnets.size(); ++i) {
      h = layers.resnet(layers.concatenated(h, skips.back()), level.resnets[i]);
      skips.pop_back();
      if (!level.transformers.empty()) layers.transformer(h, level.transformers[i]);
    }
    if (level.resampler.n == 0) continue;
    const auto large = layers.make(h.n, skips.back().h, skips.back().w, level.resampler.n);
    layers.upsample(h, level.resampler, large);
    h = large;
  }
  return h;
}

void FastUNet::Network::run(const Tensor& x, std::int64_t begin, std::int64_t end, Tensor& out) {
  const auto n = end - begin;
  const auto height = x.size(2);
  const auto width = x.size(3);
  arena.release({});
  const auto input = layers.make(n, height, width, x.size(1));
  const auto options = at::TensorOptions().dtype(at::kFloat);
  at::from_blob(input.data, {n, height, width, x.size(1)}, options)
      .copy_(x.slice(0, begin, end).permute({0, 2, 3, 1}));
  auto h = layers.make(n, height, width, conv_in.n);
  layers.convolution(input, conv_in, h);
  std::vector<Pictures> skips{h};
  h = down(h, skips);
  h = up(h, skips);
  const auto output = layers.make(n, height, width, conv_out.n);
  layers.norm_convolution(h, norm_out, conv_out, conv_out.bias.const_data_ptr<float>(), nullptr,
                          output);
  out.slice(0, begin, end)
      .copy_(at::from_blob(output.data, {n, height, width, conv_out.n}, options)
                 .permute({0, 3, 1, 2}));
}

bool FastUNet::supports(const arch::UNetConfig& config, std::int64_t height, std::int64_t width) {
  const bool is_plain_network = config.num_class_embeds == 0 && !config.has_text_time &&
                                config.conv_in_kernel == 3 && config.conv_out_kernel == 3 &&
                                config.mid_block_scale_factor == 1 && !config.center_input_sample;
  return is_plain_network && height * width <= kPixelsMax &&
         std::all_of(config.down.begin(), config.down.end(), is_plain) &&
         std::all_of(config.up.begin(), config.up.end(), is_plain);
}

FastUNet::FastUNet(UNet unet) : network_(std::make_unique<Network>(std::move(unet))) {}
FastUNet::~FastUNet() = default;
FastUNet::FastUNet(FastUNet&&) noexcept = default;
FastUNet& FastUNet::operator=(FastUNet&&) noexcept = default;

void FastUNet::bind(const Tensor& context) {
  const c10::InferenceMode guard;
  ISOCOST_CHECK(context.dim() == 3 && context.is_cpu(), "a text is rows of states in memory");
  network_->bound_images = context.size(0);
  const auto states = context.to(at::kFloat).contiguous();
  const auto rows = states.size(0) * states.size(1);
  network_->for_each_attention([&](FastAttention& attention) {
    attention.bound = at::empty({states.size(0), states.size(1), attention.text.n});
    GemmArgs args;
    args.a = states.const_data_ptr<float>();
    args.row_stride = args.segment_length = attention.text.k;
    args.weights = attention.text.matrix();
    args.bias = attention.text.bias.const_data_ptr<float>();
    args.out = attention.bound.mutable_data_ptr<float>();
    args.out_stride = attention.text.n;
    args.rows = rows;
    kernels().gemm(args);
  });
}

Tensor FastUNet::forward(const Tensor& x, double timestep) {
  const c10::InferenceMode guard;
  auto& network = *network_;
  ISOCOST_CHECK(x.size(0) == network.bound_images, "the text of every picture must be bound");
  ISOCOST_CHECK(x.is_cpu() && x.scalar_type() == at::kFloat, "kernels read float32 in memory");
  const auto biases = network.time_biases(timestep);
  auto out = at::empty({x.size(0), network.conv_out.n, x.size(2), x.size(3)});
  const auto pixels = x.size(2) * x.size(3);
  const auto chunk = std::max<std::int64_t>(1, kChunkPixels / pixels);
  for (std::int64_t begin = 0; begin < x.size(0); begin += chunk) {
    network.layers.begin(begin, biases.const_data_ptr<float>());
    network.run(x, begin, std::min(begin + chunk, x.size(0)), out);
  }
  return out;
}

}  // namespace isocost::diffusion

#include "worker/diffusion/models/unet.h"

#include "base/check.h"

namespace isocost::diffusion {
namespace nn = torch::nn;

namespace {

ResnetOptions resnet_options(const arch::UNetConfig& config, std::int64_t in, std::int64_t out) {
  return {in, out, config.time_embedding_dim, config.norm_num_groups, config.norm_eps};
}

TransformerOptions transformer_options(const arch::UNetConfig& config,
                                       const arch::UNetBlockConfig& block) {
  return {block.channels,
          block.cross_attention_dim,
          block.heads,
          block.transformer_layers,
          config.norm_num_groups,
          block.only_cross_attention,
          config.use_linear_projection};
}

// The width of the skip that residual block `layer` of up block `index` takes.
std::int64_t skip_width(const arch::UNetConfig& config, std::size_t index, std::int64_t layer) {
  const auto& up = config.up[index];
  const bool is_last_layer = layer + 1 == up.layers;
  const bool is_last_block = index + 1 == config.up.size();
  return is_last_layer && !is_last_block ? config.up[index + 1].channels : up.channels;
}

}  // namespace

TimestepEmbeddingImpl::TimestepEmbeddingImpl(std::int64_t in, std::int64_t out)
    : linear_1(register_module("linear_1", linear(in, out))),
      linear_2(register_module("linear_2", linear(out, out))) {}

Tensor TimestepEmbeddingImpl::forward(const Tensor& x) { return linear_2(at::silu(linear_1(x))); }

DownBlockImpl::DownBlockImpl(const arch::UNetConfig& config, std::size_t index)
    : resnet_list(nullptr), attention_list(nullptr), downsampler_list(nullptr) {
  const auto& block = config.down[index];
  const auto before = index == 0 ? config.base_width() : config.down[index - 1].channels;
  if (block.has_attention) attention_list = register_module("attentions", nn::ModuleList());
  resnet_list = register_module("resnets", nn::ModuleList());
  for (std::int64_t layer = 0; layer < block.layers; ++layer) {
    resnets.emplace_back(
        resnet_options(config, layer == 0 ? before : block.channels, block.channels));
    resnet_list->push_back(resnets.back());
    if (!block.has_attention) continue;
    attentions.emplace_back(transformer_options(config, block));
    attention_list->push_back(attentions.back());
  }
  if (index + 1 == config.down.size()) return;
  downsampler_list = register_module("downsamplers", nn::ModuleList());
  downsampler = Downsampler(block.channels, false);
  downsampler_list->push_back(downsampler);
}

Tensor DownBlockImpl::forward(Tensor x, const Tensor& time, const Tensor& context,
                              std::vector<Tensor>& skips) {
  for (std::size_t i = 0; i < resnets.size(); ++i) {
    x = resnets[i](x, time);
    if (!attentions.empty()) x = attentions[i](x, context);
    skips.push_back(x);
  }
  if (downsampler) {
    x = downsampler(x);
    skips.push_back(x);
  }
  return x;
}

MidBlockImpl::MidBlockImpl(const arch::UNetConfig& config)
    : attention_list(register_module("attentions", nn::ModuleList())),
      resnet_list(register_module("resnets", nn::ModuleList())) {
  auto options = resnet_options(config, config.mid->channels, config.mid->channels);
  options.output_scale_factor = config.mid_block_scale_factor;
  attention = SpatialTransformer(transformer_options(config, *config.mid));
  resnet_0 = ResnetBlock(options);
  resnet_1 = ResnetBlock(options);
  attention_list->push_back(attention);
  resnet_list->push_back(resnet_0);
  resnet_list->push_back(resnet_1);
}

Tensor MidBlockImpl::forward(Tensor x, const Tensor& time, const Tensor& context) {
  x = resnet_0(x, time);
  x = attention(x, context);
  return resnet_1(x, time);
}

UpBlockImpl::UpBlockImpl(const arch::UNetConfig& config, std::size_t index)
    : resnet_list(nullptr), attention_list(nullptr), upsampler_list(nullptr) {
  const auto& block = config.up[index];
  const auto before = index == 0 ? block.channels : config.up[index - 1].channels;
  if (block.has_attention) attention_list = register_module("attentions", nn::ModuleList());
  resnet_list = register_module("resnets", nn::ModuleList());
  for (std::int64_t layer = 0; layer < block.layers; ++layer) {
    const auto in = (layer == 0 ? before : block.channels) + skip_width(config, index, layer);
    resnets.emplace_back(resnet_options(config, in, block.channels));
    resnet_list->push_back(resnets.back());
    if (!block.has_attention) continue;
    attentions.emplace_back(transformer_options(config, block));
    attention_list->push_back(attentions.back());
  }
  if (index + 1 == config.up.size()) return;
  upsampler_list = register_module("upsamplers", nn::ModuleList());
  upsampler = Upsampler(block.channels);
  upsampler_list->push_back(upsampler);
}

Tensor UpBlockImpl::forward(Tensor x, const Tensor& time, const Tensor& context,
                            std::vector<Tensor>& skips) {
  for (std::size_t i = 0; i < resnets.size(); ++i) {
    x = resnets[i](at::cat({x, skips.back()}, 1), time);
    skips.pop_back();
    if (!attentions.empty()) x = attentions[i](x, context);
  }
  // Sizes that halving rounded up come back exactly: the next skip says how large.
  if (upsampler) x = upsampler(x, skips.back().sizes().slice(2).vec());
  return x;
}

UNetImpl::UNetImpl(arch::UNetConfig c)
    : config(std::move(c)),
      conv_in(register_module(
          "conv_in", conv2d(config.in_channels, config.base_width(), config.conv_in_kernel))),
      time_embedding(register_module(
          "time_embedding", TimestepEmbedding(config.base_width(), config.time_embedding_dim))),
      down_blocks(nullptr),
      up_blocks(nullptr) {
  const auto time_width = config.time_embedding_dim;
  if (config.num_class_embeds > 0)
    class_embedding =
        register_module("class_embedding", nn::Embedding(config.num_class_embeds, time_width));
  if (config.has_text_time)
    add_embedding = register_module(
        "add_embedding",
        TimestepEmbedding(config.projection_class_embeddings_input_dim, time_width));
  down_blocks = register_module("down_blocks", nn::ModuleList());
  for (std::size_t i = 0; i < config.down.size(); ++i) {
    downs.emplace_back(config, i);
    down_blocks->push_back(downs.back());
  }
  up_blocks = register_module("up_blocks", nn::ModuleList());
  if (config.mid) mid_block = register_module("mid_block", MidBlock(config));
  for (std::size_t i = 0; i < config.up.size(); ++i) {
    ups.emplace_back(config, i);
    up_blocks->push_back(ups.back());
  }
  conv_norm_out = register_module(
      "conv_norm_out", group_norm(config.norm_num_groups, config.base_width(), config.norm_eps));
  conv_out = register_module(
      "conv_out", conv2d(config.base_width(), config.out_channels, config.conv_out_kernel));
}

Tensor UNetImpl::time_features(const Tensor& timesteps, at::ScalarType dtype,
                               const UNetExtras& extras) {
  const SinusoidOptions options{config.base_width(), config.flip_sin_to_cos, config.freq_shift};
  auto embedding = time_embedding(sinusoids(timesteps, options).to(dtype));  // [B, T]
  if (class_embedding) embedding = embedding + class_embedding(extras.class_labels);
  if (add_embedding) {
    const SinusoidOptions sizes{config.addition_time_embed_dim, config.flip_sin_to_cos,
                                config.freq_shift};
    const auto ids = sinusoids(extras.time_ids.flatten(), sizes).reshape({timesteps.size(0), -1});
    embedding = embedding + add_embedding(at::cat({extras.text_embeds, ids.to(dtype)}, -1));
  }
  return at::silu(embedding);
}

Tensor UNetImpl::forward(const Tensor& sample, const Tensor& timesteps, const Tensor& context,
                         const UNetExtras& extras) {
  ISOCOST_CHECK(sample.dim() == 4 && sample.size(1) == config.in_channels,
                "the plan knows the channels of the network");
  ISOCOST_CHECK(context.size(0) == sample.size(0) && timesteps.size(0) == sample.size(0),
                "a text and a timestep an image");
  const auto time = time_features(timesteps, sample.scalar_type(), extras);
  auto x = conv_in(config.center_input_sample ? 2 * sample - 1.0 : sample);
  std::vector<Tensor> skips{x};
  for (auto& block : downs) x = block(x, time, context, skips);
  if (mid_block) x = mid_block(x, time, context);
  for (auto& block : ups) x = block(x, time, context, skips);
  ISOCOST_CHECK(skips.empty(), "every skip connection is used once");
  return conv_out(at::silu(conv_norm_out(x)));
}

UNet grown(UNet& network, std::int64_t channels) {
  ISOCOST_CHECK(channels >= network->config.in_channels, "a network is grown and not cut");
  auto config = network->config;
  config.in_channels = channels;
  UNet larger(std::move(config));
  const at::NoGradGuard no_grad;
  const auto from = network->named_parameters();
  for (auto& parameter : larger->named_parameters()) {
    const Tensor& source = from[parameter.key()];
    if (parameter.value().sizes() == source.sizes()) {
      parameter.value().copy_(source);
    } else {  // conv_in.weight, [width, in, 3, 3]
      parameter.value().zero_();
      parameter.value().slice(1, 0, source.size(1)).copy_(source);
    }
  }
  larger->to(network->conv_in->weight.device(), network->conv_in->weight.scalar_type());
  larger->train(network->is_training());
  return larger;
}

}  // namespace isocost::diffusion

#include "worker/diffusion/models/clip.h"

#include "base/check.h"

namespace isocost::diffusion {
namespace nn = torch::nn;

namespace {

// Where each row's end-of-text token stands: files that say eos_token_id 2 predate the field's use,
// and their end token has the largest id of all.
Tensor end_positions(const Tensor& ids, std::int64_t eos_token_id) {
  if (eos_token_id == 2) return ids.argmax(-1);
  return ids.eq(eos_token_id).to(at::kInt).argmax(-1);
}

}  // namespace

ClipAttentionImpl::ClipAttentionImpl(const arch::ClipTowerConfig& config)
    : heads(config.num_attention_heads),
      k_proj(register_module("k_proj", linear(config.hidden_size, config.hidden_size))),
      v_proj(register_module("v_proj", linear(config.hidden_size, config.hidden_size))),
      q_proj(register_module("q_proj", linear(config.hidden_size, config.hidden_size))),
      out_proj(register_module("out_proj", linear(config.hidden_size, config.hidden_size))) {}

Tensor ClipAttentionImpl::forward(const Tensor& x, bool is_causal) {
  return out_proj(multi_head_attention(q_proj(x), k_proj(x), v_proj(x), heads, is_causal));
}

ClipMlpImpl::ClipMlpImpl(const arch::ClipTowerConfig& config)
    : is_quick_gelu(config.hidden_act == "quick_gelu"),
      fc1(register_module("fc1", linear(config.hidden_size, config.intermediate_size))),
      fc2(register_module("fc2", linear(config.intermediate_size, config.hidden_size))) {}

Tensor ClipMlpImpl::forward(const Tensor& x) {
  const auto h = fc1(x);
  return fc2(is_quick_gelu ? h * at::sigmoid(1.702 * h) : at::gelu(h));
}

ClipLayerImpl::ClipLayerImpl(const arch::ClipTowerConfig& config)
    : self_attn(register_module("self_attn", ClipAttention(config))),
      layer_norm1(
          register_module("layer_norm1", layer_norm(config.hidden_size, config.layer_norm_eps))),
      layer_norm2(nullptr),
      mlp(register_module("mlp", ClipMlp(config))) {
  layer_norm2 =
      register_module("layer_norm2", layer_norm(config.hidden_size, config.layer_norm_eps));
}

Tensor ClipLayerImpl::forward(Tensor x, bool is_causal) {
  x = x + self_attn(layer_norm1(x), is_causal);
  return x + mlp(layer_norm2(x));
}

ClipEncoderImpl::ClipEncoderImpl(const arch::ClipTowerConfig& config)
    : layer_list(register_module("layers", nn::ModuleList())) {
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers.emplace_back(config);
    layer_list->push_back(layers.back());
  }
}

std::vector<Tensor> ClipEncoderImpl::forward(const Tensor& x, bool is_causal) {
  std::vector<Tensor> states{x};
  for (auto& layer : layers) states.push_back(layer(states.back(), is_causal));
  return states;
}

ClipTextEmbeddingsImpl::ClipTextEmbeddingsImpl(const arch::ClipTextConfig& config)
    : token_embedding(register_module("token_embedding",
                                      nn::Embedding(config.vocab_size, config.tower.hidden_size))),
      position_embedding(register_module(
          "position_embedding",
          nn::Embedding(config.max_position_embeddings, config.tower.hidden_size))) {}

Tensor ClipTextEmbeddingsImpl::forward(const Tensor& ids) {
  return token_embedding(ids) + position_embedding->weight.slice(0, 0, ids.size(1));
}

ClipTextTransformerImpl::ClipTextTransformerImpl(const arch::ClipTextConfig& config)
    : eos_token_id(config.eos_token_id),
      embeddings(register_module("embeddings", ClipTextEmbeddings(config))),
      encoder(register_module("encoder", ClipEncoder(config.tower))),
      final_layer_norm(register_module(
          "final_layer_norm", layer_norm(config.tower.hidden_size, config.tower.layer_norm_eps))) {}

ClipTextOutput ClipTextTransformerImpl::forward(const Tensor& ids) {
  ClipTextOutput output;
  output.hidden_states = encoder(embeddings(ids), true);
  output.last_hidden_state = final_layer_norm(output.hidden_states.back());
  const auto rows = at::arange(ids.size(0), ids.options());
  output.pooled = output.last_hidden_state.index({rows, end_positions(ids, eos_token_id)});
  return output;
}

ClipTextImpl::ClipTextImpl(arch::ClipTextConfig c)
    : config(std::move(c)), text_model(register_module("text_model", ClipTextTransformer(config))) {
  if (config.has_projection)
    text_projection = register_module(
        "text_projection", linear(config.tower.hidden_size, config.tower.projection_dim, false));
}

ClipTextOutput ClipTextImpl::forward(const Tensor& ids) { return text_model(ids); }

Tensor ClipTextImpl::condition(const Tensor& ids, std::int64_t clip_skip) {
  ISOCOST_CHECK(clip_skip >= 0 && clip_skip < config.tower.num_hidden_layers + 1,
                "the parser knows how many layers can be skipped");
  const auto output = text_model(ids);
  if (clip_skip == 0) return output.last_hidden_state;
  const auto index = static_cast<std::int64_t>(output.hidden_states.size()) - 1 - clip_skip;
  return text_model->final_layer_norm(output.hidden_states.at(static_cast<std::size_t>(index)));
}

ClipVisionEmbeddingsImpl::ClipVisionEmbeddingsImpl(const arch::ClipVisionConfig& config)
    : class_embedding(
          register_parameter("class_embedding", at::randn({config.tower.hidden_size}) * 0.02)),
      patch_embedding(
          register_module("patch_embedding",
                          nn::Conv2d(nn::Conv2dOptions(config.num_channels,
                                                       config.tower.hidden_size, config.patch_size)
                                         .stride(config.patch_size)
                                         .bias(false)))),
      position_embedding(register_module(
          "position_embedding", nn::Embedding(config.positions(), config.tower.hidden_size))) {}

Tensor ClipVisionEmbeddingsImpl::forward(const Tensor& pixels) {
  const auto patches = patch_embedding(pixels).flatten(2).transpose(1, 2);  // [B, patches, C]
  const auto first = class_embedding.expand({pixels.size(0), 1, -1});
  return at::cat({first, patches}, 1) + position_embedding->weight;
}

ClipVisionTransformerImpl::ClipVisionTransformerImpl(const arch::ClipVisionConfig& config)
    : embeddings(register_module("embeddings", ClipVisionEmbeddings(config))),
      pre_layrnorm(register_module(
          "pre_layrnorm", layer_norm(config.tower.hidden_size, config.tower.layer_norm_eps))),
      encoder(register_module("encoder", ClipEncoder(config.tower))),
      post_layernorm(register_module(
          "post_layernorm", layer_norm(config.tower.hidden_size, config.tower.layer_norm_eps))) {}

ClipVisionOutput ClipVisionTransformerImpl::forward(const Tensor& pixels) {
  ClipVisionOutput output;
  output.last_hidden_state = encoder(pre_layrnorm(embeddings(pixels)), false).back();
  output.pooled = post_layernorm(output.last_hidden_state.select(1, 0));
  return output;
}

ClipImpl::ClipImpl(arch::ClipConfig c)
    : config(std::move(c)),
      logit_scale(register_parameter("logit_scale", at::scalar_tensor(2.6592))),
      text_model(register_module("text_model", ClipTextTransformer(config.text))),
      vision_model(register_module("vision_model", ClipVisionTransformer(config.vision))),
      visual_projection(register_module("visual_projection", linear(config.vision.tower.hidden_size,
                                                                    config.projection_dim, false))),
      text_projection(register_module(
          "text_projection", linear(config.text.tower.hidden_size, config.projection_dim, false))) {
}

Tensor ClipImpl::text_features(const Tensor& ids) {
  return text_projection(text_model(ids).pooled);
}

Tensor ClipImpl::image_features(const Tensor& pixels) {
  return visual_projection(vision_model(pixels).pooled);
}

}  // namespace isocost::diffusion

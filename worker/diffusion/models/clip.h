// CLIP's text and vision transformers as transformers has them: `named_parameters()` are the keys
// of its checkpoints.
//
//   ClipTextOutput text = encoder->forward(ids);               // CLIPTextModel, ids [B, L] int64
//   Tensor features = clip->text_features(ids);                // CLIPModel, [B, projection_dim],
//   not normalised
//
// Differentiable. Thread: one at a time.
#pragma once

#include "schema/arch/config.h"
#include "worker/diffusion/models/layers.h"

namespace isocost::diffusion {

struct ClipAttentionImpl : torch::nn::Module {
  explicit ClipAttentionImpl(const arch::ClipTowerConfig& config);
  Tensor forward(const Tensor& x, bool is_causal);  // [B, L, C]

  std::int64_t heads;
  torch::nn::Linear k_proj, v_proj, q_proj, out_proj;
};
TORCH_MODULE(ClipAttention);

struct ClipMlpImpl : torch::nn::Module {
  explicit ClipMlpImpl(const arch::ClipTowerConfig& config);
  Tensor forward(const Tensor& x);

  bool is_quick_gelu;
  torch::nn::Linear fc1, fc2;
};
TORCH_MODULE(ClipMlp);

struct ClipLayerImpl : torch::nn::Module {
  explicit ClipLayerImpl(const arch::ClipTowerConfig& config);
  Tensor forward(Tensor x, bool is_causal);

  ClipAttention self_attn;
  torch::nn::LayerNorm layer_norm1, layer_norm2;
  ClipMlp mlp;
};
TORCH_MODULE(ClipLayer);

struct ClipEncoderImpl : torch::nn::Module {
  explicit ClipEncoderImpl(const arch::ClipTowerConfig& config);
  // The input and the output of every layer: hidden_states as transformers numbers them.
  std::vector<Tensor> forward(const Tensor& x, bool is_causal);

  torch::nn::ModuleList layer_list;
  std::vector<ClipLayer> layers;
};
TORCH_MODULE(ClipEncoder);

struct ClipTextEmbeddingsImpl : torch::nn::Module {
  explicit ClipTextEmbeddingsImpl(const arch::ClipTextConfig& config);
  Tensor forward(const Tensor& ids);

  torch::nn::Embedding token_embedding, position_embedding;
};
TORCH_MODULE(ClipTextEmbeddings);

struct ClipTextOutput {
  Tensor last_hidden_state;           // after the final norm, [B, L, C]
  Tensor pooled;                      // its row at the end-of-text token, [B, C]
  std::vector<Tensor> hidden_states;  // before the final norm
};

struct ClipTextTransformerImpl : torch::nn::Module {
  explicit ClipTextTransformerImpl(const arch::ClipTextConfig& config);
  ClipTextOutput forward(const Tensor& ids);

  std::int64_t eos_token_id;
  ClipTextEmbeddings embeddings;
  ClipEncoder encoder;
  torch::nn::LayerNorm final_layer_norm;
};
TORCH_MODULE(ClipTextTransformer);

// CLIPTextModel, and CLIPTextModelWithProjection where the configuration says so.
struct ClipTextImpl : torch::nn::Module {
  explicit ClipTextImpl(arch::ClipTextConfig config);
  ClipTextOutput forward(const Tensor& ids);
  // What conditions a U-Net: the last hidden state, or the final norm of hidden_states[-(clip_skip
  // + 1)]. Requires: 0 <= clip_skip < num_hidden_layers + 1.
  [[nodiscard]] Tensor condition(const Tensor& ids, std::int64_t clip_skip = 0);

  arch::ClipTextConfig config;
  ClipTextTransformer text_model;
  torch::nn::Linear text_projection{nullptr};
};
TORCH_MODULE(ClipText);

struct ClipVisionEmbeddingsImpl : torch::nn::Module {
  explicit ClipVisionEmbeddingsImpl(const arch::ClipVisionConfig& config);
  Tensor forward(const Tensor& pixels);

  Tensor class_embedding;
  torch::nn::Conv2d patch_embedding;
  torch::nn::Embedding position_embedding;
};
TORCH_MODULE(ClipVisionEmbeddings);

struct ClipVisionOutput {
  Tensor last_hidden_state;  // [B, patches + 1, C], before the post norm
  Tensor pooled;             // post norm of the class token
};

struct ClipVisionTransformerImpl : torch::nn::Module {
  explicit ClipVisionTransformerImpl(const arch::ClipVisionConfig& config);
  ClipVisionOutput forward(const Tensor& pixels);  // [B, 3, S, S], normalised

  ClipVisionEmbeddings embeddings;
  torch::nn::LayerNorm pre_layrnorm;  // the checkpoint's own spelling
  ClipEncoder encoder;
  torch::nn::LayerNorm post_layernorm;
};
TORCH_MODULE(ClipVisionTransformer);

// CLIPModel: both towers, their projections and the scale of the logits.
struct ClipImpl : torch::nn::Module {
  explicit ClipImpl(arch::ClipConfig config);
  [[nodiscard]] Tensor text_features(const Tensor& ids);      // [B, projection_dim]
  [[nodiscard]] Tensor image_features(const Tensor& pixels);  // [B, projection_dim]

  arch::ClipConfig config;
  Tensor logit_scale;
  ClipTextTransformer text_model;
  ClipVisionTransformer vision_model;
  torch::nn::Linear visual_projection, text_projection;
};
TORCH_MODULE(Clip);

}  // namespace isocost::diffusion

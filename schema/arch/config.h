// Model configurations as diffusers and transformers write them, with every default filled in. No
// LibTorch.
//
//   Result<UNetConfig> unet = unet_config_from_json(json, "model/unet/config.json");
//
// A missing key means the default of the class; null means null: BK-SDM-Tiny stores
// `"mid_block_type": null` (no mid block), BK-SDM-v2-Base leaves the key out (the usual mid block).
// A key whose value this engine does not compute is refused by name. One that it neither reads nor
// knows to be without effect (config_keys.h) is kept in `unknown_keys`: diffusers leaves such keys
// alone, and a user should know. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace isocost::arch {

struct UNetBlockConfig {
  std::int64_t channels = 0;
  bool has_attention = false;
  std::int64_t layers = 2;  // residual blocks of the down block; the mirrored up block has one more
  std::int64_t heads = 8;   // the file's attention_head_dim is in truth the number of heads
  std::int64_t cross_attention_dim = 1280;
  std::int64_t transformer_layers = 1;
  bool only_cross_attention = false;
};

// UNet2DConditionModel. resnet_out_scale_factor is not among its members: diffusers hands it to
// kinds of blocks alone that this engine does not compute. `down` and `up` each in the order of
// computation.
struct UNetConfig {
  // sample_size as Stable Diffusion's pipelines take it: 64 where the file has none, or was written
  // by a diffusers below 0.9 and says less.
  std::int64_t sample_height = 64;
  std::int64_t sample_width = 64;
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::vector<UNetBlockConfig> down;
  std::vector<UNetBlockConfig> up;     // layers is already the up block's number
  std::optional<UNetBlockConfig> mid;  // absent where mid_block_type is null
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  bool center_input_sample = false;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  std::int64_t downsample_padding = 1;
  double mid_block_scale_factor = 1;
  bool use_linear_projection = false;
  bool upcast_attention = false;
  std::int64_t conv_in_kernel = 3;
  std::int64_t conv_out_kernel = 3;
  std::int64_t time_embedding_dim = 0;  // 4 x the first width unless the file says otherwise
  std::int64_t num_class_embeds = 0;    // 0: no class embedding
  bool has_text_time = false;           // addition_embed_type "text_time" (SDXL)
  std::int64_t addition_time_embed_dim = 0;
  std::int64_t projection_class_embeddings_input_dim = 0;
  std::vector<std::string> unknown_keys;

  [[nodiscard]] std::int64_t base_width() const { return down.front().channels; }
  // What encoder_hidden_states must have in its last dimension; 0 where no block attends to text.
  [[nodiscard]] std::int64_t context_width() const;
};

// AutoencoderKL. Stable Diffusion's pipelines leave shift_factor alone, so it is no member.
struct VaeConfig {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 3;
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> block_out_channels{64};
  std::int64_t layers_per_block = 1;
  std::int64_t norm_num_groups = 32;
  std::int64_t sample_size = 32;
  double scaling_factor = 0.18215;
  bool use_quant_conv = true;
  bool use_post_quant_conv = true;
  bool mid_block_add_attention = true;
  std::vector<std::string> unknown_keys;

  // Pixels per latent, each way.
  [[nodiscard]] std::int64_t factor() const {
    return std::int64_t{1} << (block_out_channels.size() - 1);
  }
};

// One tower of CLIP: the transformer that text and vision share.
struct ClipTowerConfig {
  std::int64_t hidden_size = 512;
  std::int64_t intermediate_size = 2048;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 8;
  std::string hidden_act = "quick_gelu";  // or gelu
  double layer_norm_eps = 1e-5;
  std::int64_t projection_dim = 512;
};

struct ClipTextConfig {
  ClipTowerConfig tower;
  std::int64_t vocab_size = 49408;
  std::int64_t max_position_embeddings = 77;
  std::int64_t eos_token_id = 49407;  // 2 in old files, where the pooled state is at argmax(ids)
  bool has_projection = false;        // CLIPTextModelWithProjection
  std::string model_type;             // that the file says; may be empty
  std::vector<std::string> unknown_keys;
};

struct ClipVisionConfig {
  ClipTowerConfig tower;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;
  std::int64_t num_channels = 3;

  [[nodiscard]] std::int64_t positions() const {
    return (image_size / patch_size) * (image_size / patch_size) + 1;
  }
};

// CLIPModel: both towers. Where an older file says a tower twice (text_config_dict), the older
// member holds, as in transformers.
struct ClipConfig {
  ClipTextConfig text;
  ClipVisionConfig vision;
  std::int64_t projection_dim = 512;
  std::vector<std::string> unknown_keys;  // those of a tower with its member's name
};

// ViTModel, as DINO's networks are kept by transformers.
struct VitConfig {
  ClipTowerConfig tower;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 16;
  std::int64_t num_channels = 3;

  [[nodiscard]] std::int64_t positions() const {
    return (image_size / patch_size) * (image_size / patch_size) + 1;
  }
};

[[nodiscard]] Result<UNetConfig> unet_config_from_json(const Json& json, const std::string& where);
[[nodiscard]] Result<VaeConfig> vae_config_from_json(const Json& json, const std::string& where);
[[nodiscard]] Result<ClipTextConfig> clip_text_config_from_json(const Json& json,
                                                                const std::string& where);
[[nodiscard]] Result<ClipConfig> clip_config_from_json(const Json& json, const std::string& where);
[[nodiscard]] Result<VitConfig> vit_config_from_json(const Json& json, const std::string& where);

// The configuration of a named architecture: "sd-v1" (SD 1.x with base width c: c, 2c, 4c, 4c; two
// residual blocks a level; attention at the first three). Fails with: an unknown name, a width that
// 32 norm groups do not divide.
struct ArchitectureChoice {
  std::string name = "sd-v1";
  std::int64_t width = 320;
  std::int64_t context = 768;
  std::int64_t latent = 64;
};
[[nodiscard]] Result<UNetConfig> named_unet(const ArchitectureChoice& choice);

}  // namespace isocost::arch

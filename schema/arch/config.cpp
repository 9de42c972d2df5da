#include "schema/arch/config.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "schema/arch/config_reader.h"
#include "schema/options.h"

namespace isocost::arch {
namespace {

constexpr const char* kCrossDown = "CrossAttnDownBlock2D";
constexpr const char* kPlainDown = "DownBlock2D";
constexpr const char* kCrossUp = "CrossAttnUpBlock2D";
constexpr const char* kPlainUp = "UpBlock2D";

// A scalar that is repeated for every block, or a list with one entry a block.
template <class T>
std::vector<T> per_block(JsonReader& reader, const std::string& key, T fallback,
                         std::size_t blocks) {
  std::vector<T> values(blocks, fallback);
  if (!reader.has(key)) return values;
  if (reader.raw(key).is_array()) {
    values = reader.get<std::vector<T>>(key);
    if (values.size() != blocks) {
      reader.fault(key, "this list has " + std::to_string(values.size()) + " entries",
                   "one a block: " + std::to_string(blocks));
      values.assign(blocks, fallback);
    }
    return values;
  }
  return std::vector<T>(blocks, reader.get<T>(key));
}

std::vector<std::int64_t> bounded_per_block(JsonReader& reader, const std::string& key,
                                            std::int64_t fallback, std::size_t blocks,
                                            std::int64_t high) {
  auto values = per_block<std::int64_t>(reader, key, fallback, blocks);
  for (auto& value : values) {
    if (value >= 1 && value <= high) continue;
    reader.fault(key, "an entry is " + std::to_string(value),
                 "whole numbers from 1 to " + std::to_string(high));
    value = fallback;
  }
  return values;
}

// Whether each block attends, from the names of its type.
std::vector<bool> attention_of(JsonReader& reader, const std::string& key,
                               std::vector<std::string> fallback, const std::string& cross,
                               const std::string& plain) {
  std::vector<bool> attends;
  for (const auto& name : reader.get_or<std::vector<std::string>>(key, std::move(fallback))) {
    if (name != cross && name != plain)
      reader.fault(key, "'" + name.substr(0, 60) + "' is a block that this engine does not compute",
                   cross + " or " + plain);
    attends.push_back(name == cross);
  }
  return attends;
}

void refuse_unsupported(JsonReader& reader) {
  const Json no = false;
  supported(reader, "act_fn", {"silu", "swish"});
  supported(reader, "dual_cross_attention", {no});
  supported(reader, "class_embed_type", {});
  supported(reader, "addition_embed_type", {"text_time"});
  supported(reader, "num_attention_heads", {});
  supported(reader, "encoder_hid_dim", {});
  supported(reader, "encoder_hid_dim_type", {});
  supported(reader, "resnet_time_scale_shift", {"default"});
  supported(reader, "resnet_skip_time_act", {no});
  supported(reader, "time_embedding_type", {"positional"});
  supported(reader, "time_embedding_act_fn", {});
  supported(reader, "timestep_post_act", {});
  supported(reader, "time_cond_proj_dim", {});
  supported(reader, "class_embeddings_concat", {no});
  supported(reader, "mid_block_only_cross_attention", {no});
  supported(reader, "cross_attention_norm", {});
  supported(reader, "attention_type", {"default"});
  supported(reader, "reverse_transformer_layers_per_block", {});
}

void read_sample_size(JsonReader& reader, UNetConfig& config) {
  if (!reader.has("sample_size") || reader.raw("sample_size").is_null()) return;
  if (!reader.raw("sample_size").is_array()) {
    config.sample_height = config.sample_width = bounded(reader, "sample_size", 64, 1, kWidthMax);
    return;
  }
  const auto sizes = reader.get<std::vector<std::int64_t>>("sample_size");
  const bool is_pair = sizes.size() == 2 && std::min(sizes[0], sizes[1]) >= 1 &&
                       std::max(sizes[0], sizes[1]) <= kWidthMax;
  if (!is_pair)
    return reader.fault("sample_size", "this list is no size",
                        "a whole number, or height and width");
  config.sample_height = sizes[0];
  config.sample_width = sizes[1];
}

// The leading number of `text`, which is moved behind it.
std::optional<std::int64_t> leading_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// Whether a version as Python's packaging reads it ("v0.8.1", "0.8.0rc1", "1!0.8") is of a release
// below 0.9. What is no version is a fault: diffusers does not load such a file.
bool is_below_0_9(JsonReader& reader) {
  const Json& value = reader.raw("_diffusers_version");
  if (value.is_null()) return false;
  const auto version = value.is_string() ? value.get<std::string>() : std::string();
  std::string_view rest = version;
  if (rest.starts_with('v') || rest.starts_with('V')) rest.remove_prefix(1);
  const auto major = leading_number(rest);
  if (!major) {
    reader.fault("_diffusers_version", "this is " + canonical(value).substr(0, 60),
                 "a version such as 0.42.1");
    return false;
  }
  const bool has_epoch = rest.starts_with('!');  // which comes after every version without one
  if (has_epoch || *major > 0) return false;
  if (!rest.starts_with('.')) return true;
  rest.remove_prefix(1);
  return leading_number(rest).value_or(0) < 9;
}

// What the pipelines' constructors do to a U-Net of an old file, which took the class's default of
// 32 for Stable Diffusion's 64.
void rewrite_old_sample_size(JsonReader& reader, UNetConfig& config) {
  constexpr std::int64_t kUsual = 64;
  const bool is_small = reader.raw("sample_size").is_number() && config.sample_height < kUsual;
  if (is_below_0_9(reader) && is_small) config.sample_height = config.sample_width = kUsual;
}

void read_scalars(JsonReader& reader, UNetConfig& config) {
  read_sample_size(reader, config);
  rewrite_old_sample_size(reader, config);
  config.in_channels = bounded(reader, "in_channels", 4, 1, kWidthMax);
  config.out_channels = bounded(reader, "out_channels", 4, 1, kWidthMax);
  config.norm_num_groups = bounded(reader, "norm_num_groups", 32, 1, kWidthMax);
  config.norm_eps = positive(reader, "norm_eps", 1e-5);
  config.center_input_sample = reader.get_or<bool>("center_input_sample", false);
  config.flip_sin_to_cos = reader.get_or<bool>("flip_sin_to_cos", true);
  config.freq_shift = reader.get_or<double>("freq_shift", 0);
  config.downsample_padding = bounded(reader, "downsample_padding", 1, 1, 1);
  config.mid_block_scale_factor = positive(reader, "mid_block_scale_factor", 1);
  config.use_linear_projection = reader.get_or<bool>("use_linear_projection", false);
  config.conv_in_kernel = bounded(reader, "conv_in_kernel", 3, 1, 15);
  config.conv_out_kernel = bounded(reader, "conv_out_kernel", 3, 1, 15);
  if (config.conv_in_kernel % 2 == 0)
    reader.fault("conv_in_kernel", "this is even", "an odd number");
  if (config.conv_out_kernel % 2 == 0)
    reader.fault("conv_out_kernel", "this is even", "an odd number");
  if (reader.has("upcast_attention") && !reader.raw("upcast_attention").is_null())
    config.upcast_attention = reader.get<bool>("upcast_attention");
}

void read_embeddings(JsonReader& reader, UNetConfig& config, std::int64_t base) {
  config.time_embedding_dim = 4 * base;
  if (reader.has("time_embedding_dim") && !reader.raw("time_embedding_dim").is_null())
    config.time_embedding_dim = bounded(reader, "time_embedding_dim", 4 * base, 1, kWidthMax);
  if (reader.has("num_class_embeds") && !reader.raw("num_class_embeds").is_null())
    config.num_class_embeds = bounded(reader, "num_class_embeds", 1, 1, kVocabularyMax);
  config.has_text_time =
      reader.has("addition_embed_type") && reader.raw("addition_embed_type") == "text_time";
  if (!config.has_text_time) return;
  config.addition_time_embed_dim = reader.get<std::int64_t>("addition_time_embed_dim");
  config.projection_class_embeddings_input_dim =
      reader.get<std::int64_t>("projection_class_embeddings_input_dim");
  if (config.addition_time_embed_dim < 2 || config.addition_time_embed_dim > kWidthMax)
    reader.fault("addition_time_embed_dim", "this is out of range", "a whole number from 2");
  if (config.projection_class_embeddings_input_dim < 1 ||
      config.projection_class_embeddings_input_dim > kWidthMax)
    reader.fault("projection_class_embeddings_input_dim", "this is out of range",
                 "a whole number from 1");
}

bool has_mid_block(JsonReader& reader) {
  if (!reader.has("mid_block_type")) return true;  // absent: the class default, unlike null
  if (reader.raw("mid_block_type").is_null()) return false;
  supported(reader, "mid_block_type", {"UNetMidBlock2DCrossAttn"});
  return true;
}

void check_block(JsonReader& reader, const UNetConfig& config, const UNetBlockConfig& block) {
  if (block.channels % config.norm_num_groups != 0)
    reader.fault("norm_num_groups", "these are " + std::to_string(config.norm_num_groups),
                 "a divisor of every width, and " + std::to_string(block.channels) + " is one");
  if (block.has_attention && block.channels % block.heads != 0)
    reader.fault("attention_head_dim", "this means " + std::to_string(block.heads) + " heads",
                 "a divisor of the block's " + std::to_string(block.channels) + " channels");
}

// The states of a prompt have one width, so blocks that attend to others cannot be computed.
void check_contexts(JsonReader& reader, const UNetConfig& config) {
  std::set<std::int64_t> widths;
  for (const auto* blocks : {&config.down, &config.up})
    for (const auto& block : *blocks)
      if (block.has_attention) widths.insert(block.cross_attention_dim);
  if (config.mid) widths.insert(config.mid->cross_attention_dim);
  if (widths.size() < 2) return;
  std::vector<std::string> texts;
  texts.reserve(widths.size());
  for (const auto width : widths) texts.push_back(std::to_string(width));
  reader.fault("cross_attention_dim",
               "the blocks attend to texts of several widths: " + joined(texts),
               "one width, that of the text encoder's states");
}

// Every up block's input is the concatenation of two widths; norm groups must divide the sum too,
// which they do when they divide each.
void read_blocks(JsonReader& reader, UNetConfig& config) {
  const auto widths =
      reader.get_or<std::vector<std::int64_t>>("block_out_channels", {320, 640, 1280, 1280});
  const std::size_t n = widths.size();
  const bool is_sane = n >= 1 && n <= kBlocksMax &&
                       std::all_of(widths.begin(), widths.end(),
                                   [](auto width) { return width >= 1 && width <= kWidthMax; });
  if (!is_sane)
    return reader.fault("block_out_channels", "these are no widths",
                        "1 to 16 whole numbers from 1");
  const auto down =
      attention_of(reader, "down_block_types", {kCrossDown, kCrossDown, kCrossDown, kPlainDown},
                   kCrossDown, kPlainDown);
  const auto up = attention_of(reader, "up_block_types", {kPlainUp, kCrossUp, kCrossUp, kCrossUp},
                               kCrossUp, kPlainUp);
  if (down.size() != n || up.size() != n)
    return reader.fault("block_out_channels",
                        "there are " + std::to_string(n) + " widths, " +
                            std::to_string(down.size()) + " down and " + std::to_string(up.size()) +
                            " up blocks",
                        "as many of each");
  const auto layers = bounded_per_block(reader, "layers_per_block", 2, n, kLayersMax);
  const auto heads = bounded_per_block(reader, "attention_head_dim", 8, n, kWidthMax);
  const auto contexts = bounded_per_block(reader, "cross_attention_dim", 1280, n, kWidthMax);
  const auto depths = bounded_per_block(reader, "transformer_layers_per_block", 1, n, kLayersMax);
  const auto only_cross = per_block<bool>(reader, "only_cross_attention", false, n);
  for (std::size_t i = 0; i < n; ++i)
    config.down.push_back(
        {widths[i], down[i], layers[i], heads[i], contexts[i], depths[i], only_cross[i]});
  for (std::size_t i = 0; i < n; ++i) {
    UNetBlockConfig block = config.down[n - 1 - i];
    block.has_attention = up[i];
    block.layers += 1;
    config.up.push_back(block);
  }
  if (has_mid_block(reader)) {
    config.mid = config.down.back();
    config.mid->has_attention = true;
    config.mid->layers = 2;
    config.mid->only_cross_attention = false;  // diffusers passes it to down and up blocks alone
    check_block(reader, config, *config.mid);
  }
  for (const auto& block : config.down) check_block(reader, config, block);
  for (const auto& block : config.up) check_block(reader, config, block);
  check_contexts(reader, config);
  read_embeddings(reader, config, widths.front());
}

}  // namespace

std::int64_t UNetConfig::context_width() const {
  if (mid) return mid->cross_attention_dim;
  for (const auto& block : down)
    if (block.has_attention) return block.cross_attention_dim;
  for (const auto& block : up)
    if (block.has_attention) return block.cross_attention_dim;
  return 0;
}

Result<UNetConfig> unet_config_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  UNetConfig config;
  supported(reader, "_class_name", {"UNet2DConditionModel"});
  refuse_unsupported(reader);
  read_scalars(reader, config);
  read_blocks(reader, config);
  config.unknown_keys = unknown_keys(reader, ConfigFile::kUNet);
  if (!reader.ok()) return fail(reader.take());
  return config;
}

Result<VaeConfig> vae_config_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  VaeConfig config;
  supported(reader, "_class_name", {"AutoencoderKL"});
  supported(reader, "act_fn", {"silu", "swish"});
  supported(reader, "latents_mean", {});
  supported(reader, "latents_std", {});
  config.in_channels = bounded(reader, "in_channels", 3, 1, kWidthMax);
  config.out_channels = bounded(reader, "out_channels", 3, 1, kWidthMax);
  config.latent_channels = bounded(reader, "latent_channels", 4, 1, kWidthMax);
  config.layers_per_block = bounded(reader, "layers_per_block", 1, 1, kLayersMax);
  config.norm_num_groups = bounded(reader, "norm_num_groups", 32, 1, kWidthMax);
  config.sample_size = bounded(reader, "sample_size", 32, 1, kWidthMax);
  config.scaling_factor = positive(reader, "scaling_factor", 0.18215);
  config.use_quant_conv = reader.get_or<bool>("use_quant_conv", true);
  config.use_post_quant_conv = reader.get_or<bool>("use_post_quant_conv", true);
  config.mid_block_add_attention = reader.get_or<bool>("mid_block_add_attention", true);
  config.block_out_channels = reader.get_or<std::vector<std::int64_t>>("block_out_channels", {64});
  const auto blocks = config.block_out_channels.size();
  if (blocks < 1 || blocks > kBlocksMax)
    reader.fault("block_out_channels", "these are " + std::to_string(blocks) + " widths",
                 "1 to 16");
  for (const auto width : config.block_out_channels)
    if (width < 1 || width > kWidthMax || width % config.norm_num_groups != 0)
      reader.fault("block_out_channels", "a width is " + std::to_string(width),
                   "multiples of norm_num_groups, " + std::to_string(config.norm_num_groups));
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"down_block_types", "DownEncoderBlock2D"}, {"up_block_types", "UpDecoderBlock2D"}};
  for (const auto& [key, type] : kinds) {
    const auto names = reader.get_or<std::vector<std::string>>(key, {type});
    const bool is_known =
        std::all_of(names.begin(), names.end(), [&](const auto& name) { return name == type; });
    if (!is_known || names.size() != blocks)
      reader.fault(key, "this engine does not compute these blocks",
                   std::to_string(blocks) + " times " + type + ", one a width");
  }
  config.unknown_keys = unknown_keys(reader, ConfigFile::kVae);
  if (!reader.ok()) return fail(reader.take());
  return config;
}

Result<UNetConfig> named_unet(const ArchitectureChoice& choice) {
  if (choice.name != "sd-v1")
    return fail("architecture", "'" + choice.name + "' is not known", "sd-v1");
  const Json json = {
      {"block_out_channels", {choice.width, 2 * choice.width, 4 * choice.width, 4 * choice.width}},
      {"cross_attention_dim", choice.context},
      {"sample_size", choice.latent}};
  return unet_config_from_json(json, "architecture sd-v1");
}

}  // namespace isocost::arch

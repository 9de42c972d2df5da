#include "schema/arch/network.h"

#include <algorithm>

#include "schema/arch/ledger.h"

namespace isocost::arch {
namespace {

using Area = Ledger::Area;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<std::int64_t> without_trailing_ones(std::vector<std::int64_t> shape) {
  while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
  return shape;
}

class VaeAccount {
 public:
  VaeAccount(const VaeConfig& config, const CallShape& call, VaeHalf half, NetworkSummary& summary)
      : config_(config), latent_{call.height, call.width}, half_(half), ledger_(summary) {}

  void run() {
    const auto latent = config_.latent_channels;
    ledger_.charge(half_ == VaeHalf::kEncode);
    encoder();
    if (config_.use_quant_conv) ledger_.conv("quant_conv", {2 * latent, 2 * latent, 1}, latent_);
    ledger_.charge(half_ == VaeHalf::kDecode);
    if (config_.use_post_quant_conv) ledger_.conv("post_quant_conv", {latent, latent, 1}, latent_);
    decoder();
  }

 private:
  void encoder() {
    const auto& widths = config_.block_out_channels;
    Area area{latent_.height * config_.factor(), latent_.width * config_.factor()};
    ledger_.conv("encoder.conv_in", {config_.in_channels, widths.front()}, area);
    auto width = widths.front();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto name = "encoder.down_blocks." + std::to_string(i);
      width = level(name, width, widths[i], config_.layers_per_block, area);
      if (i + 1 == widths.size()) continue;
      area = {area.height / 2, area.width / 2};
      ledger_.conv(name + ".downsamplers.0.conv", {width, width}, area);
    }
    mid("encoder.mid_block", width, area);
    ledger_.norm("encoder.conv_norm_out", width);
    ledger_.conv("encoder.conv_out", {width, 2 * config_.latent_channels}, area);
  }

  void decoder() {
    const std::vector<std::int64_t> widths(config_.block_out_channels.rbegin(),
                                           config_.block_out_channels.rend());
    Area area = latent_;
    auto width = widths.front();
    ledger_.conv("decoder.conv_in", {config_.latent_channels, width}, area);
    mid("decoder.mid_block", width, area);
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto name = "decoder.up_blocks." + std::to_string(i);
      width = level(name, width, widths[i], config_.layers_per_block + 1, area);
      if (i + 1 == widths.size()) continue;
      area = area.doubled();
      ledger_.conv(name + ".upsamplers.0.conv", {width, width}, area);
    }
    ledger_.norm("decoder.conv_norm_out", width);
    ledger_.conv("decoder.conv_out", {width, config_.out_channels}, area);
  }

  std::int64_t level(const std::string& name, std::int64_t in, std::int64_t out,
                     std::int64_t layers, Area area) {
    for (std::int64_t layer = 0; layer < layers; ++layer)
      resnet(name + ".resnets." + std::to_string(layer), layer == 0 ? in : out, out, area);
    return out;
  }

  void mid(const std::string& name, std::int64_t width, Area area) {
    resnet(name + ".resnets.0", width, width, area);
    if (config_.mid_block_add_attention) attention(name + ".attentions.0", width, area.positions());
    resnet(name + ".resnets.1", width, width, area);
  }

  void attention(const std::string& name, std::int64_t width, std::int64_t positions) {
    ledger_.norm(name + ".group_norm", width);
    for (const char* part : {".to_q", ".to_k", ".to_v", ".to_out.0"})
      ledger_.linear(name + part, {width, width}, positions);
    ledger_.attention(positions, positions, width);
  }

  void resnet(const std::string& name, std::int64_t in, std::int64_t out, Area area) {
    ledger_.norm(name + ".norm1", in);
    ledger_.conv(name + ".conv1", {in, out}, area);
    ledger_.norm(name + ".norm2", out);
    ledger_.conv(name + ".conv2", {out, out}, area);
    if (in != out) ledger_.conv(name + ".conv_shortcut", {in, out, 1}, area);
  }

  const VaeConfig& config_;
  Area latent_;
  VaeHalf half_;
  Ledger ledger_;
};

void clip_layers(Ledger& ledger, const std::string& prefix, const ClipTowerConfig& tower,
                 std::int64_t positions) {
  const auto width = tower.hidden_size;
  for (std::int64_t i = 0; i < tower.num_hidden_layers; ++i) {
    const auto name = prefix + ".encoder.layers." + std::to_string(i);
    for (const char* part :
         {".self_attn.k_proj", ".self_attn.v_proj", ".self_attn.q_proj", ".self_attn.out_proj"})
      ledger.linear(name + part, {width, width}, positions);
    ledger.attention(positions, positions, width);
    ledger.norm(name + ".layer_norm1", width);
    ledger.linear(name + ".mlp.fc1", {width, tower.intermediate_size}, positions);
    ledger.linear(name + ".mlp.fc2", {tower.intermediate_size, width}, positions);
    ledger.norm(name + ".layer_norm2", width);
  }
}

void text_tower(Ledger& ledger, const ClipTextConfig& config) {
  const auto width = config.tower.hidden_size;
  ledger.tensor("text_model.embeddings.token_embedding.weight", {config.vocab_size, width});
  ledger.tensor("text_model.embeddings.position_embedding.weight",
                {config.max_position_embeddings, width});
  clip_layers(ledger, "text_model", config.tower, config.max_position_embeddings);
  ledger.norm("text_model.final_layer_norm", width);
  if (config.has_projection)
    ledger.linear("text_projection", {width, config.tower.projection_dim, false}, 1);
}

void vision_tower(Ledger& ledger, const ClipVisionConfig& config) {
  const auto width = config.tower.hidden_size;
  const auto side = config.image_size / config.patch_size;
  ledger.tensor("vision_model.embeddings.class_embedding", {width});
  ledger.conv("vision_model.embeddings.patch_embedding",
              {config.num_channels, width, config.patch_size, false}, {side, side});
  ledger.tensor("vision_model.embeddings.position_embedding.weight", {config.positions(), width});
  ledger.norm("vision_model.pre_layrnorm", width);
  clip_layers(ledger, "vision_model", config.tower, config.positions());
  ledger.norm("vision_model.post_layernorm", width);
  ledger.linear("visual_projection", {width, config.tower.projection_dim, false}, 1);
}

}  // namespace

std::uint64_t NetworkSummary::parameters() const {
  std::uint64_t total = 0;
  for (const auto& tensor : tensors) {
    std::uint64_t count = 1;
    for (const auto size : tensor.shape) count *= static_cast<std::uint64_t>(size);
    total += count;
  }
  return total;
}

NetworkSummary summarize_vae(const VaeConfig& config, const CallShape& call, VaeHalf half) {
  NetworkSummary summary;
  VaeAccount(config, call, half, summary).run();
  return summary;
}

NetworkSummary summarize_clip_text(const ClipTextConfig& config) {
  NetworkSummary summary;
  Ledger ledger(summary);
  text_tower(ledger, config);
  return summary;
}

NetworkSummary summarize_clip(const ClipConfig& config) {
  NetworkSummary summary;
  Ledger ledger(summary);
  ledger.tensor("logit_scale", {});
  text_tower(ledger, config.text);
  vision_tower(ledger, config.vision);
  return summary;
}

NetworkSummary summarize_vit(const VitConfig& config) {
  NetworkSummary summary;
  Ledger ledger(summary);
  const auto width = config.tower.hidden_size;
  const auto side = config.image_size / config.patch_size;
  ledger.tensor("vit.cls_token", {1, 1, width});
  ledger.tensor("vit.position_embeddings", {1, config.positions(), width});
  ledger.conv("vit.patch_embedding", {config.num_channels, width, config.patch_size}, {side, side});
  clip_layers(ledger, "vit", config.tower, config.positions());
  ledger.norm("vit.layernorm", width);
  return summary;
}

Result<void> check_tensors(const std::vector<TensorSpec>& expected, const FoundTensors& found,
                           const std::string& where) {
  Failure failure;
  std::map<std::string, bool, std::less<>> known;
  for (const auto& spec : expected) {
    known[spec.name] = true;
    const auto at = found.find(spec.name);
    if (at == found.end()) {
      failure.add(where, "the tensor '" + spec.name + "' is missing",
                  "shape " + shape_text(spec.shape));
    } else if (without_trailing_ones(at->second) != without_trailing_ones(spec.shape)) {
      failure.add(where, "the tensor '" + spec.name + "' has shape " + shape_text(at->second),
                  shape_text(spec.shape));
    }
  }
  for (const auto& [name, shape] : found)
    if (!known.contains(name))
      failure.add(where, "the tensor '" + name + "' " + shape_text(shape) +
                             " belongs to no layer of this configuration");
  if (!failure.is_empty()) return fail(std::move(failure));
  return {};
}

std::string vae_tensor_name(std::string_view name) {
  static const std::pair<std::string_view, std::string_view> kOldNames[] = {
      {".query.", ".to_q."},
      {".key.", ".to_k."},
      {".value.", ".to_v."},
      {".proj_attn.", ".to_out.0."}};
  if (name.find(".attentions.") == std::string_view::npos) return std::string(name);
  for (const auto& [old_name, new_name] : kOldNames) {
    const auto at = name.find(old_name);
    if (at == std::string_view::npos) continue;
    return std::string(name.substr(0, at)) + std::string(new_name) +
           std::string(name.substr(at + old_name.size()));
  }
  return std::string(name);
}

std::string text_tensor_name(std::string_view name) {
  if (name.ends_with("position_ids")) return {};
  const bool is_bare = name.starts_with("embeddings.") || name.starts_with("encoder.") ||
                       name.starts_with("final_layer_norm.");
  return (is_bare ? "text_model." : "") + std::string(name);
}

std::string clip_tensor_name(std::string_view name) {
  return name.ends_with("position_ids") ? std::string() : std::string(name);
}

std::string vit_tensor_name(std::string_view name) {
  std::string text(name.starts_with("vit.") ? name.substr(4) : name);
  if (text.starts_with("pooler.") || text.starts_with("classifier.")) return {};
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"embeddings.patch_embeddings.projection.", "patch_embedding."},
      {"embeddings.", ""},
      {"encoder.layer.", "encoder.layers."},
      {".attention.attention.query.", ".self_attn.q_proj."},
      {".attention.attention.key.", ".self_attn.k_proj."},
      {".attention.attention.value.", ".self_attn.v_proj."},
      {".attention.output.dense.", ".self_attn.out_proj."},
      {".intermediate.dense.", ".mlp.fc1."},
      {".output.dense.", ".mlp.fc2."},
      {".layernorm_before.", ".layer_norm1."},
      {".layernorm_after.", ".layer_norm2."}};
  for (const auto& [theirs, ours] : kNames) {
    const auto at = text.find(theirs);
    if (at != std::string::npos) text.replace(at, theirs.size(), ours);
  }
  return "vit." + text;
}

}  // namespace isocost::arch

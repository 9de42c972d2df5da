#include "schema/arch/ledger.h"
#include "schema/arch/network.h"

namespace isocost::arch {
namespace {

using Area = Ledger::Area;

class UNetAccount {
 public:
  UNetAccount(const UNetConfig& config, const CallShape& call, NetworkSummary& summary)
      : config_(config),
        tokens_(call.context_tokens),
        area_{call.height, call.width},
        ledger_(summary) {}

  void run() {
    const auto base = config_.base_width();
    ledger_.conv("conv_in", {config_.in_channels, base, config_.conv_in_kernel}, area_);
    embeddings();
    skips_.push_back({base, area_});
    width_ = base;
    for (std::size_t i = 0; i < config_.down.size(); ++i) down(i);
    if (config_.mid) mid();
    for (std::size_t i = 0; i < config_.up.size(); ++i) up(i);
    ledger_.norm("conv_norm_out", base);
    ledger_.conv("conv_out", {base, config_.out_channels, config_.conv_out_kernel}, area_);
  }

 private:
  struct Skip {
    std::int64_t width;
    Area area;
  };

  void embeddings() {
    const auto time = config_.time_embedding_dim;
    two_layers("time_embedding", config_.base_width());
    if (config_.num_class_embeds > 0)
      ledger_.tensor("class_embedding.weight", {config_.num_class_embeds, time});
    if (config_.has_text_time)
      two_layers("add_embedding", config_.projection_class_embeddings_input_dim);
  }

  void two_layers(const std::string& name, std::int64_t in) {
    const auto time = config_.time_embedding_dim;
    ledger_.linear(name + ".linear_1", {in, time}, 1);
    ledger_.linear(name + ".linear_2", {time, time}, 1);
  }

  void down(std::size_t index) {
    const auto& block = config_.down[index];
    const auto name = "down_blocks." + std::to_string(index);
    for (std::int64_t layer = 0; layer < block.layers; ++layer) {
      residual_layer(name, layer, width_, block);
      skips_.push_back({width_, area_});
    }
    if (index + 1 == config_.down.size()) return;
    area_ = area_.halved();
    ledger_.conv(name + ".downsamplers.0.conv", {width_, width_}, area_);
    skips_.push_back({width_, area_});
  }

  void mid() {
    resnet("mid_block.resnets.0", width_, width_);
    transformer("mid_block.attentions.0", *config_.mid);
    resnet("mid_block.resnets.1", width_, width_);
  }

  void up(std::size_t index) {
    const auto& block = config_.up[index];
    const auto name = "up_blocks." + std::to_string(index);
    for (std::int64_t layer = 0; layer < block.layers; ++layer) {
      const auto skip = skips_.back();
      skips_.pop_back();
      residual_layer(name, layer, width_ + skip.width, block);
    }
    if (index + 1 == config_.up.size()) return;
    area_ = skips_.back().area;
    ledger_.conv(name + ".upsamplers.0.conv", {width_, width_}, area_);
  }

  void residual_layer(const std::string& block_name, std::int64_t layer, std::int64_t in,
                      const UNetBlockConfig& block) {
    const auto number = std::to_string(layer);
    resnet(block_name + ".resnets." + number, in, block.channels);
    width_ = block.channels;
    if (block.has_attention) transformer(block_name + ".attentions." + number, block);
  }

  void resnet(const std::string& name, std::int64_t in, std::int64_t out) {
    ledger_.norm(name + ".norm1", in);
    ledger_.conv(name + ".conv1", {in, out}, area_);
    ledger_.linear(name + ".time_emb_proj", {config_.time_embedding_dim, out}, 1);
    ledger_.norm(name + ".norm2", out);
    ledger_.conv(name + ".conv2", {out, out}, area_);
    if (in != out) ledger_.conv(name + ".conv_shortcut", {in, out, 1}, area_);
  }

  void transformer(const std::string& name, const UNetBlockConfig& block) {
    ledger_.norm(name + ".norm", block.channels);
    projection(name + ".proj_in", block.channels);
    for (std::int64_t i = 0; i < block.transformer_layers; ++i)
      transformer_block(name + ".transformer_blocks." + std::to_string(i), block);
    projection(name + ".proj_out", block.channels);
  }

  void projection(const std::string& name, std::int64_t width) {
    if (config_.use_linear_projection) {
      ledger_.linear(name, {width, width}, area_.positions());
    } else {
      ledger_.conv(name, {width, width, 1}, area_);
    }
  }

  void transformer_block(const std::string& name, const UNetBlockConfig& block) {
    const auto width = block.channels;
    const auto positions = area_.positions();
    ledger_.norm(name + ".norm1", width);
    if (block.only_cross_attention) {
      attention(name + ".attn1", width, block.cross_attention_dim, tokens_);
    } else {
      attention(name + ".attn1", width, width, positions);
    }
    ledger_.norm(name + ".norm2", width);
    attention(name + ".attn2", width, block.cross_attention_dim, tokens_);
    ledger_.norm(name + ".norm3", width);
    ledger_.linear(name + ".ff.net.0.proj", {width, 8 * width}, positions);
    ledger_.linear(name + ".ff.net.2", {4 * width, width}, positions);
  }

  void attention(const std::string& name, std::int64_t width, std::int64_t context_width,
                 std::int64_t keys) {
    const auto positions = area_.positions();
    ledger_.linear(name + ".to_q", {width, width, false}, positions);
    ledger_.linear(name + ".to_k", {context_width, width, false}, keys);
    ledger_.linear(name + ".to_v", {context_width, width, false}, keys);
    ledger_.linear(name + ".to_out.0", {width, width}, positions);
    ledger_.attention(positions, keys, width);
  }

  const UNetConfig& config_;
  std::int64_t tokens_;
  Area area_;
  Ledger ledger_;
  std::int64_t width_ = 0;
  std::vector<Skip> skips_;
};

}  // namespace

NetworkSummary summarize_unet(const UNetConfig& config, const CallShape& call) {
  NetworkSummary summary;
  UNetAccount(config, call, summary).run();
  return summary;
}

}  // namespace isocost::arch

// The mini family's feature network: a small picture classifier. What it sees on the way, pooled,
// is what FID and KID compare; its answers are what attribute accuracy reads.
//
//   Result<FeatureNetwork> network = load_feature_network("experiments/mini/features");
//   FeatureOutput out = (*network)->forward(pixels);      // pixels [B, 3, S, S] in [-1, 1]
//   out.features                                          // [B, F]: what FID and KID compare
//   out.answers                                           // [B, sum of classes]: one group of
//                                                         // scores an attribute
//
// Features: mean and deviation over the picture of every channel of every level, before
// normalisation (so that blur and noise show), standardised and projected by a map that was fixed
// after training. Answers: two linear layers over the last level, positions kept.
//
// config.json: {"_class_name": "IsocostFeatureNetwork", "image_size": 64, "channels": [24, 48, 96,
// 128], "norm_groups": 8, "hidden": 192, "features": 64, "attributes": [{"name": "background",
// "classes": 6}, ...]}; weights in model.safetensors. Fails with every fault of either. Thread: one
// at a time.
#pragma once

#include "worker/diffusion/models/layers.h"
#include "worker/diffusion/models/load.h"

namespace isocost::diffusion {

struct FeatureNetworkConfig {
  struct Attribute {
    std::string name;
    std::int64_t classes = 0;
  };
  std::int64_t image_size = 64;
  std::vector<std::int64_t> channels = {24, 48, 96, 128};  // each level halves the picture's sides
  std::int64_t norm_groups = 8;
  std::int64_t hidden = 192;
  std::int64_t features = 64;
  std::vector<Attribute> attributes;

  [[nodiscard]] std::int64_t answers() const;
  // Two numbers a channel that is looked at.
  [[nodiscard]] std::int64_t pooled() const;
};
[[nodiscard]] Result<FeatureNetworkConfig> feature_network_config_from_json(
    const Json& json, const std::string& where);
[[nodiscard]] Json to_json(const FeatureNetworkConfig& config);

struct FeatureBlockImpl : torch::nn::Module {
  FeatureBlockImpl(std::int64_t in, std::int64_t out, std::int64_t norm_groups);
  // [B, in, S, S] -> [B, out, S / 2, S / 2]; adds what it sees to `pooled`, [B, 2 out] each.
  Tensor forward(const Tensor& x, std::vector<Tensor>& pooled);

  torch::nn::Conv2d conv1, conv2;
  torch::nn::GroupNorm norm1, norm2;
};
TORCH_MODULE(FeatureBlock);

struct FeatureOutput {
  Tensor features;  // [B, F]
  Tensor answers;   // [B, sum of classes], before any softmax
  Tensor pooled;    // [B, P]: what the features are projected from
};

struct FeatureNetworkImpl : torch::nn::Module {
  explicit FeatureNetworkImpl(FeatureNetworkConfig config);
  FeatureOutput forward(const Tensor& pixels);
  // What every level gives, of unit length a pixel: [B, C, S, S] each.
  [[nodiscard]] std::vector<Tensor> levels(const Tensor& pixels);
  // perceptual_distance() of two pictures in these, with weights of 1: lpips 0.1.4 without its
  // heads gives the same of these features. [B]
  [[nodiscard]] Tensor distance(const Tensor& x, const Tensor& y);
  // The likeliest class of each attribute, int64 [B, attributes].
  [[nodiscard]] Tensor likeliest(const Tensor& answers) const;
  // The mean over the attributes of the cross-entropy with int64 [B, attributes].
  [[nodiscard]] Tensor loss(const Tensor& answers, const Tensor& labels) const;

  FeatureNetworkConfig config;
  torch::nn::ModuleList block_list;
  std::vector<FeatureBlock> blocks;
  torch::nn::Linear hidden, answer, project;
};
TORCH_MODULE(FeatureNetwork);

[[nodiscard]] Result<FeatureNetwork> load_feature_network(const std::filesystem::path& folder);

}  // namespace isocost::diffusion

#include <ATen/ATen.h>

#include "experiments/world/world.h"
#include "worker/diffusion/metrics/extractors/kinds.h"
#include "worker/diffusion/models/feature_network.h"

namespace isocost::diffusion {
namespace {

class MiniNetwork : public Extractor {
 public:
  MiniNetwork(FeatureNetwork network, at::Device device)
      : network_(std::move(network)), device_(device) {}

 protected:
  Result<FeatureOutput> run(const at::Tensor& pictures) {
    const std::int64_t side = network_->config.image_size;
    if (pictures.size(2) != side || pictures.size(3) != side) {
      return fail(
          "mini extractor",
          c10::str("the pictures have ", pictures.size(3), " x ", pictures.size(2), " pixels"),
          c10::str(side, " x ", side));
    }
    return network_->forward(pictures.to(device_).to(at::kFloat) / 127.5 - 1);
  }

  FeatureNetwork network_;
  at::Device device_;
};

class MiniFeatures : public MiniNetwork {
 public:
  using MiniNetwork::MiniNetwork;

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    auto output = run(input.pictures);
    if (!output) return fail(output.error());
    return output->features.to(at::kCPU, at::kFloat).contiguous();
  }
};

// 1 where the network reads from the picture what the caption says, else 0; a column an attribute.
class MiniAttributes : public MiniNetwork {
 public:
  using MiniNetwork::MiniNetwork;

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const auto wanted = labels_of(input.prompts);
    if (!wanted) return fail(wanted.error());
    auto output = run(input.pictures);
    if (!output) return fail(output.error());
    return network_->likeliest(output->answers).to(at::kCPU).eq(*wanted).to(at::kFloat);
  }

 private:
  static Result<at::Tensor> labels_of(const std::vector<std::string>& prompts) {
    std::vector<std::int64_t> all;
    for (const std::string& prompt : prompts) {
      const auto scene = world::parse_caption(prompt);
      if (!scene) {
        return fail("prompt", "'" + prompt.substr(0, 80) + "' is no caption of the mini world",
                    "a caption as the world's grammar makes them; attribute accuracy needs it");
      }
      for (const int label : world::labels(*scene)) all.push_back(label);
    }
    return at::tensor(all, at::kLong)
        .view({static_cast<std::int64_t>(prompts.size()),
               static_cast<std::int64_t>(world::kAttributes)});
  }
};

Result<FeatureNetwork> open_network(const ExtractorSource& source) {
  auto network = load_feature_network(source.input);
  if (network) (*network)->to(source.settings.device);
  return network;
}

// The network must have been trained on the questions that this build's world asks.
Result<void> check_questions(const FeatureNetworkConfig& config, const std::string& where) {
  bool is_same = config.attributes.size() == world::kAttributes;
  for (std::size_t i = 0; is_same && i < world::kAttributes; ++i) {
    const world::Attribute& asked = world::attributes()[i];
    is_same =
        config.attributes[i].name == asked.name && config.attributes[i].classes == asked.classes;
  }
  if (is_same) return {};
  return fail(where + "/config.json: attributes",
              "they are not those of this build's picture world");
}

}  // namespace

Result<std::unique_ptr<Extractor>> load_mini_features(const ExtractorSource& source) {
  auto network = open_network(source);
  if (!network) return fail(network.error());
  return std::make_unique<MiniFeatures>(*network, source.settings.device);
}

Result<std::unique_ptr<Extractor>> load_mini_attributes(const ExtractorSource& source) {
  auto network = open_network(source);
  if (!network) return fail(network.error());
  if (auto fits = check_questions((*network)->config, source.input.string()); !fits)
    return fail(fits.error());
  return std::make_unique<MiniAttributes>(*network, source.settings.device);
}

}  // namespace isocost::diffusion

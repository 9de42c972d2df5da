#include <ATen/ATen.h>

#include <limits>

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
    if (const auto fits = check_side(pictures); !fits) return fail(fits.error());
    return network_->forward(pixels_of(pictures));
  }
  [[nodiscard]] Result<void> check_side(const at::Tensor& pictures) const {
    const std::int64_t side = network_->config.image_size;
    if (pictures.size(2) == side && pictures.size(3) == side) return {};
    return fail(
        "mini extractor",
        c10::str("the pictures have ", pictures.size(3), " x ", pictures.size(2), " pixels"),
        c10::str(side, " x ", side));
  }
  [[nodiscard]] at::Tensor pixels_of(const at::Tensor& pictures) const {
    return pictures.to(device_).to(at::kFloat) / 127.5 - 1;
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

// 1 where the network reads from the picture what the caption says, 0 where it reads something
// else, NaN where the caption does not say; a column an attribute. The arrangement always counts:
// where the caption does not say it, by the number of objects.
class MiniAttributes : public MiniNetwork {
 public:
  using MiniNetwork::MiniNetwork;

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    const auto told = scenes_of(input.prompts);
    if (!told) return fail(told.error());
    auto output = run(input.pictures);
    if (!output) return fail(output.error());
    const at::Tensor read = network_->likeliest(output->answers).to(at::kCPU).contiguous();
    at::Tensor rows = at::empty({read.size(0), read.size(1)}, at::kFloat);
    const auto* from = read.const_data_ptr<std::int64_t>();
    auto* to = rows.mutable_data_ptr<float>();
    for (const auto& scene : *told) {
      world::Labels labels{};
      for (auto& label : labels) label = static_cast<int>(*from++);
      for (const auto& one : world::agreement(scene, labels))
        *to++ = one ? static_cast<float>(*one) : std::numeric_limits<float>::quiet_NaN();
    }
    return rows;
  }

 private:
  static Result<std::vector<world::Scene>> scenes_of(const std::vector<std::string>& prompts) {
    std::vector<world::Scene> scenes;
    for (const std::string& prompt : prompts) {
      auto scene = world::parse_caption(prompt);
      if (!scene) {
        return fail("prompt", "'" + prompt.substr(0, 80) + "' is no caption of the mini world",
                    "a caption as the world's grammar makes them; attribute accuracy needs it");
      }
      scenes.push_back(std::move(*scene));
    }
    return scenes;
  }
};

class MiniPerceptual : public MiniNetwork {
 public:
  using MiniNetwork::MiniNetwork;

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    if (const auto fits = check_side(input.pictures); !fits) return fail(fits.error());
    return network_->distance(pixels_of(input.pictures), pixels_of(input.items.targets))
        .unsqueeze(1)
        .to(at::kCPU, at::kFloat)
        .contiguous();
  }
};

// What was to change is what the network reads otherwise from target and source; what it reads
// alike was to stay. The picture is held against its own reading of the target, so the target
// itself always has all of both; what it mistakes in source or target blurs them. Attributes are
// those of the first object and of the second: an edit of place that exchanges their order counts
// theirs as to change.
class MiniEdits : public MiniNetwork {
 public:
  using MiniNetwork::MiniNetwork;

  Result<at::Tensor> extract(const RowInput& input) override {
    const at::NoGradGuard no_gradients;
    if (const auto fits = check_side(input.pictures); !fits) return fail(fits.error());
    const auto read = [&](const at::Tensor& pictures) {
      return network_->likeliest(network_->forward(pixels_of(pictures)).answers).to(at::kCPU);
    };
    const at::Tensor of_picture = read(input.pictures), of_source = read(input.items.sources),
                     of_target = read(input.items.targets);
    const at::Tensor is_to_change = of_source != of_target;
    const at::Tensor is_as_wanted = of_picture == of_target;
    return at::stack(
               {share(is_as_wanted, is_to_change), share(is_as_wanted, is_to_change.logical_not())},
               1)
        .contiguous();
  }

 private:
  // Of the asked ones, a row each; NaN where none is: 0 / 0.
  static at::Tensor share(const at::Tensor& is_right, const at::Tensor& is_asked) {
    return is_right.logical_and(is_asked).sum(1).to(at::kFloat) / is_asked.sum(1).to(at::kFloat);
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

Result<std::unique_ptr<Extractor>> load_mini_perceptual(const ExtractorSource& source) {
  auto network = open_network(source);
  if (!network) return fail(network.error());
  return std::make_unique<MiniPerceptual>(*network, source.settings.device);
}

Result<std::unique_ptr<Extractor>> load_mini_edits(const ExtractorSource& source) {
  auto network = open_network(source);
  if (!network) return fail(network.error());
  return std::make_unique<MiniEdits>(*network, source.settings.device);
}

}  // namespace isocost::diffusion

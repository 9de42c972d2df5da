// The feature network: reads the attributes off a picture. Pictures come with a little noise, so
// that it looks at shapes and colours instead of the renderer's last bits.
#include <sstream>

#include "base/json_reader.h"
#include "worker/diffusion/models/feature_network.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kFeaturesStream = 0x46u;  // of batch order
constexpr std::uint64_t kMeasured = 2048;
constexpr std::int64_t kJudgedTogether = 256;

class FeaturesTraining : public Training {
 public:
  FeaturesTraining(const Recipe& recipe, const TrainingPlaces& places,
                   const FeatureNetworkConfig& config, double noise)
      : recipe_(recipe), places_(places), noise_(noise), network_(config) {
    const auto scenes = world_scenes(world::Split::kTrain, recipe.pictures);
    pictures_ = world_pictures(scenes);
    labels_ = world_labels(scenes);
  }

  torch::nn::Module& module() override { return *network_; }

  at::Tensor loss(std::int64_t step) override {
    const auto indices =
        batch_indices(recipe_.seed ^ kFeaturesStream, step, recipe_.batch, pictures_.size(0));
    auto generator = step_generator(recipe_.seed, step);
    const auto clean = to_unit_range(pictures_.index_select(0, indices));
    const auto strength = at::rand({recipe_.batch, 1, 1, 1}, generator) * noise_;
    const auto noisy = clean + strength * at::randn(clean.sizes(), generator);
    const auto output = network_->forward(noisy.contiguous(at::MemoryFormat::ChannelsLast));
    return network_->loss(output.answers, labels_.index_select(0, indices));
  }

  Result<std::string> finish() override {
    const at::NoGradGuard no_grad;
    round_to_half(*network_);
    write_model(*network_, {places_.family / "features", "model", to_json(network_->config)});
    const auto scenes = world_scenes(world::Split::kValidation, kMeasured);
    const auto pictures = world_pictures(scenes);
    std::vector<at::Tensor> answers;
    for (std::int64_t i = 0; i < pictures.size(0); i += kJudgedTogether)
      answers.push_back(network_->likeliest(
          network_->forward(to_unit_range(pictures.slice(0, i, i + kJudgedTogether))).answers));
    const auto right = at::cat(answers).eq(world_labels(scenes)).to(at::kDouble);
    std::ostringstream note;
    note << "all attributes right " << right.amin(1).mean().item<double>();
    for (std::size_t i = 0; i < world::kAttributes; ++i)
      note << ", " << world::attributes().at(i).name << " "
           << right.select(1, static_cast<std::int64_t>(i)).mean().item<double>();
    return note.str();
  }

 private:
  Recipe recipe_;
  TrainingPlaces places_;
  double noise_;
  FeatureNetwork network_;
  at::Tensor pictures_, labels_;
};

}  // namespace

Result<std::unique_ptr<Training>> make_features_training(const Recipe& recipe,
                                                         const TrainingPlaces& places) {
  auto json = recipe.config;
  if (json.is_object() && !json.contains("attributes"))
    for (const auto& attribute : world::attributes())
      json["attributes"].push_back({{"name", attribute.name}, {"classes", attribute.classes}});
  const auto config = feature_network_config_from_json(json, recipe.name + ": config");
  if (!config) return fail(config.error());
  JsonReader reader(recipe.options, recipe.name + ": options");
  const double noise = reader.get_or<double>("noise", 0.1);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  at::manual_seed(recipe.seed);
  return std::make_unique<FeaturesTraining>(recipe, places, *config, noise);
}

}  // namespace isocost::diffusion

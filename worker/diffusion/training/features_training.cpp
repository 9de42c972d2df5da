// The feature network: reads the attributes off a picture and tells, from its pooled levels alone,
// how the picture was spoilt: blurred, noisy, an edge torn, another picture shining through. So its
// levels see what a bad sampler does. The second head is left behind; the map from pooled levels to
// features is fixed at the end: standardised over training pictures, onto their principal
// components, each again of unit deviation.
#include <sstream>

#include "base/json_reader.h"
#include "experiments/world/chance.h"
#include "worker/diffusion/models/feature_network.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kFeaturesStream = 0x46u;  // of batch order
constexpr std::uint64_t kMeasured = 2048;
constexpr std::int64_t kJudgedTogether = 256;
constexpr std::int64_t kProjectedFrom = 16384;  // pictures
constexpr double kDeviationMin = 1e-4;          // of a component: the rest is rounding

// One picture in two is spoilt.
enum class Flaw : int { kNone, kBlurred, kNoisy, kTorn, kGhost };
constexpr std::int64_t kFlaws = 5;
Flaw draw_flaw(world::Chance& chance) {
  constexpr std::array<Flaw, 8> kDrawn = {Flaw::kNone,    Flaw::kNone,  Flaw::kNone, Flaw::kNone,
                                          Flaw::kBlurred, Flaw::kNoisy, Flaw::kTorn, Flaw::kGhost};
  return kDrawn.at(chance.below(kDrawn.size()));
}

struct FeatureTrainerImpl : torch::nn::Module {
  explicit FeatureTrainerImpl(const FeatureNetworkConfig& config)
      : network(register_module("network", FeatureNetwork(config))),
        flaws(register_module("flaws", torch::nn::Linear(config.pooled(), kFlaws))) {}
  FeatureNetwork network;
  torch::nn::Linear flaws;
};
TORCH_MODULE(FeatureTrainer);

class FeaturesTraining : public Training {
 public:
  FeaturesTraining(const Recipe& recipe, const TrainingPlaces& places,
                   const FeatureNetworkConfig& config)
      : recipe_(recipe), places_(places), trainer_(config) {
    const auto scenes = world_scenes(world::Split::kTrain, recipe.pictures);
    pictures_ = world_pictures(scenes);
    torn_ = torn_pictures(scenes);
    labels_ = world_labels(scenes);
  }

  torch::nn::Module& module() override { return *trainer_; }

  at::Tensor loss(std::int64_t step) override {
    const auto indices =
        batch_indices(recipe_.seed ^ kFeaturesStream, step, recipe_.batch, pictures_.size(0));
    auto flaws = at::empty({recipe_.batch}, at::kLong);
    const auto seen = spoilt(indices, step, flaws);
    const auto output = trainer_->network->forward(seen.contiguous(at::MemoryFormat::ChannelsLast));
    return trainer_->network->loss(output.answers, labels_.index_select(0, indices)) +
           at::cross_entropy_loss(trainer_->flaws(output.pooled), flaws);
  }

  Result<std::string> finish() override {
    const at::NoGradGuard no_grad;
    auto& network = trainer_->network;
    round_to_half(*network);
    fix_projection();
    round_to_half(*network);
    write_model(*network, {places_.family / "features", "model", to_json(network->config)});
    const auto scenes = world_scenes(world::Split::kValidation, kMeasured);
    const auto pictures = world_pictures(scenes);
    std::vector<at::Tensor> answers;
    for (std::int64_t i = 0; i < pictures.size(0); i += kJudgedTogether)
      answers.push_back(network->likeliest(look(pictures, i).answers));
    const auto right = at::cat(answers).eq(world_labels(scenes)).to(at::kDouble);
    std::ostringstream note;
    note << "all attributes right " << right.amin(1).mean().item<double>();
    for (std::size_t i = 0; i < world::kAttributes; ++i)
      note << ", " << world::attributes().at(i).name << " "
           << right.select(1, static_cast<std::int64_t>(i)).mean().item<double>();
    return note.str();
  }

 private:
  // The pictures in [-1, 1], some of them spoilt; fills `flaws`.
  at::Tensor spoilt(const at::Tensor& indices, std::int64_t step, at::Tensor& flaws) {
    world::Chance chance(~recipe_.seed, static_cast<std::uint64_t>(step));
    auto generator = step_generator(recipe_.seed, step);
    auto pictures = to_unit_range(pictures_.index_select(0, indices));
    const auto smooth = blurred(pictures);
    const auto noise = at::randn(pictures.sizes(), generator);
    const auto others = pictures.roll(1, 0).clone();
    for (std::int64_t i = 0; i < recipe_.batch; ++i) {
      const auto flaw = draw_flaw(chance);
      flaws.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(flaw);
      auto picture = pictures[i];
      if (flaw == Flaw::kBlurred) picture.lerp_(smooth[i], chance.between(0.35, 1));
      if (flaw == Flaw::kNoisy) picture.add_(noise[i], chance.between(0.03, 0.2));
      if (flaw == Flaw::kTorn) picture.copy_(to_unit_range(torn_[indices[i].item<std::int64_t>()]));
      if (flaw == Flaw::kGhost) picture.lerp_(others[i], chance.between(0.12, 0.4));
    }
    return pictures;
  }

  FeatureOutput look(const at::Tensor& pictures, std::int64_t from) {
    return trainer_->network->forward(
        to_unit_range(pictures.slice(0, from, from + kJudgedTogether)));
  }

  void fix_projection() {
    auto& network = trainer_->network;
    std::vector<at::Tensor> rows;
    const auto count = std::min(pictures_.size(0), kProjectedFrom);
    for (std::int64_t i = 0; i < count; i += kJudgedTogether)
      rows.push_back(look(pictures_, i).pooled.to(at::kDouble));
    const auto pooled = at::cat(rows);
    const auto mean = pooled.mean(0);
    const auto deviation = pooled.std(0).clamp_min(kDeviationMin);
    const auto standard = (pooled - mean) / deviation;
    const auto covariance = at::matmul(standard.t(), standard) / static_cast<double>(count - 1);
    const auto [values, vectors] = at::linalg_eigh(covariance);  // ascending
    const auto kept = network->config.features;
    const auto axes = vectors.narrow(1, vectors.size(1) - kept, kept).flip({1});
    const auto lengths = values.narrow(0, values.size(0) - kept, kept).flip({0});
    const auto map = axes.t() / lengths.clamp_min(kDeviationMin).sqrt().unsqueeze(1) / deviation;
    network->project->weight.copy_(map);
    network->project->bias.copy_(-at::matmul(map, mean));
  }

  Recipe recipe_;
  TrainingPlaces places_;
  FeatureTrainer trainer_;
  at::Tensor pictures_, torn_, labels_;
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
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  at::manual_seed(recipe.seed);
  return std::make_unique<FeaturesTraining>(recipe, places, *config);
}

}  // namespace isocost::diffusion

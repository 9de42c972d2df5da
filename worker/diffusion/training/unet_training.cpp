// The U-Nets: epsilon prediction on Stable Diffusion's schedule (scaled_linear, 0.00085 to 0.012,
// 1000 steps), conditioned on the frozen text encoder's states, one caption in ten replaced by the
// empty one. Pictures and captions go through autoencoder and text encoder once; a step costs the
// U-Net.
#include <cmath>
#include <sstream>

#include "base/json_reader.h"
#include "experiments/world/chance.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/models/unet.h"
#include "worker/diffusion/training/encoded_world.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kUNetStream = 0x55u;  // of batch order
constexpr std::int64_t kTimesteps = 1000;
constexpr double kBetaStart = 0.00085;
constexpr double kBetaEnd = 0.012;
constexpr std::uint64_t kMeasured = 1024;

// The product of 1 - beta up to every timestep, float32 [T].
at::Tensor alphas_cumulated() {
  std::vector<float> values;
  double product = 1;
  for (std::int64_t t = 0; t < kTimesteps; ++t) {
    const double share = static_cast<double>(t) / (kTimesteps - 1);
    const double root =
        std::sqrt(kBetaStart) + share * (std::sqrt(kBetaEnd) - std::sqrt(kBetaStart));
    product *= 1 - root * root;
    values.push_back(static_cast<float>(product));
  }
  return at::tensor(values);
}

// A residual branch that begins at zero leaves a deep network trainable from its first step.
void zero_last_layers(UNet& unet) {
  const at::NoGradGuard no_grad;
  for (auto& item : unet->named_parameters()) {
    const auto& name = item.key();
    for (const char* last : {"conv2.", "proj_out.", "conv_out."})
      if (name.find(last) != std::string::npos) item.value().zero_();
  }
}

class UNetTraining : public Training {
 public:
  UNetTraining(const Recipe& recipe, const TrainingPlaces& places, const arch::UNetConfig& config,
               double empty_share, EncodedWorld data, EncodedWorld unseen)
      : recipe_(recipe),
        places_(places),
        empty_share_(empty_share),
        model_(config),
        data_(std::move(data)),
        unseen_(std::move(unseen)),
        alphas_(alphas_cumulated()) {
    zero_last_layers(model_);
  }

  torch::nn::Module& module() override { return *model_; }

  at::Tensor loss(std::int64_t step) override {
    const auto count = data_.latents.size(0);
    const auto indices = batch_indices(recipe_.seed ^ kUNetStream, step, recipe_.batch, count);
    return loss_on(data_, indices, step, empty_share_);
  }

  Result<std::string> finish() override {
    round_to_half(*model_);
    write_model(*model_, {places_.family / "models" / recipe_.name / "unet",
                          "diffusion_pytorch_model", recipe_.config});
    write_pipeline(places_.family, recipe_.name);
    std::int64_t parameters = 0;
    for (const auto& parameter : model_->parameters()) parameters += parameter.numel();
    std::ostringstream note;
    note << parameters << " parameters, loss on unseen captions " << unseen_loss();
    return note.str();
  }

 private:
  // Timesteps are spread evenly over the batch: less noise in the gradient at no cost.
  [[nodiscard]] at::Tensor draw_timesteps(std::int64_t batch, world::Chance& chance) const {
    auto timesteps = at::empty({batch}, at::kLong);
    for (std::int64_t i = 0; i < batch; ++i) {
      const double place = (static_cast<double>(i) + chance.uniform()) / static_cast<double>(batch);
      timesteps.data_ptr<std::int64_t>()[i] = std::min(
          kTimesteps - 1, static_cast<std::int64_t>(place * static_cast<double>(kTimesteps)));
    }
    return timesteps;
  }

  at::Tensor loss_on(const EncodedWorld& data, const at::Tensor& indices, std::int64_t step,
                     double empty_share) {
    const auto batch = indices.size(0);
    world::Chance chance(~recipe_.seed, static_cast<std::uint64_t>(step));
    const auto timesteps = draw_timesteps(batch, chance);
    auto text = data.text.index_select(0, indices);  // [B, L, C]
    for (std::int64_t i = 0; i < batch; ++i)
      if (chance.uniform() < empty_share) text[i].copy_(data.empty_text);
    const auto latents = data.latents.index_select(0, indices);
    const auto epsilon = at::randn(latents.sizes(), step_generator(recipe_.seed, step));
    const auto alpha = alphas_.index_select(0, timesteps).view({-1, 1, 1, 1});
    const auto noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * epsilon;
    return (model_->forward(noisy, timesteps, text) - epsilon).square().mean();
  }

  double unseen_loss() {
    const at::NoGradGuard no_grad;
    double sum = 0;
    std::int64_t chunks = 0;
    for (std::int64_t i = 0; i < unseen_.latents.size(0); i += recipe_.batch, ++chunks) {
      const auto end = std::min(i + recipe_.batch, unseen_.latents.size(0));
      sum += loss_on(unseen_, at::arange(i, end, at::kLong), chunks, 0).item<double>();
    }
    return sum / static_cast<double>(std::max<std::int64_t>(1, chunks));
  }

  Recipe recipe_;
  TrainingPlaces places_;
  double empty_share_;
  UNet model_;
  EncodedWorld data_, unseen_;
  at::Tensor alphas_;
};

}  // namespace

Result<std::unique_ptr<Training>> make_unet_training(const Recipe& recipe,
                                                     const TrainingPlaces& places) {
  const auto config = arch::unet_config_from_json(recipe.config, recipe.name + ": config");
  if (!config) return fail(config.error());
  JsonReader reader(recipe.options, recipe.name + ": options");
  const double empty_share = reader.get_or<double>("empty_prompts", 0.1);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  auto data = encode_world(places, world::Split::kTrain, recipe.pictures);
  if (!data) return fail(data.error());
  auto unseen = encode_world(places, world::Split::kValidation, kMeasured);
  if (!unseen) return fail(unseen.error());
  if (data->text.size(2) != config->context_width())
    return fail(recipe.name + ": config.cross_attention_dim",
                c10::str("this is ", config->context_width()),
                c10::str("the text encoder's width ", data->text.size(2)));
  at::manual_seed(recipe.seed);
  return std::make_unique<UNetTraining>(recipe, places, *config, empty_share, std::move(*data),
                                        std::move(*unseen));
}

}  // namespace isocost::diffusion

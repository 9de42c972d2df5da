// The autoencoder: an L1 and a squared error, the same of horizontal and vertical differences (so
// that edges stay sharp), objects counted more than what is behind them, and a small
// Kullback-Leibler term that keeps the latents smooth. A recipe with "goes_on" begins with the
// family's autoencoder instead of drawn weights.
#include <cmath>
#include <sstream>

#include "base/json_reader.h"
#include "worker/diffusion/models/autoencoder.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/reconstruction.h"
#include "worker/diffusion/training/training.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kAutoencoderStream = 0x41u;  // of batch order

class AutoencoderTraining : public Training {
 public:
  AutoencoderTraining(const Recipe& recipe, const TrainingPlaces& places,
                      const arch::VaeConfig& config, ReconstructionWeights weights,
                      double divergence)
      : recipe_(recipe),
        places_(places),
        weights_(weights),
        divergence_(divergence),
        model_(config) {
    const auto scenes = world_scenes(world::Split::kTrain, recipe.pictures);
    pictures_ = world_pictures(scenes);
    masks_ = object_masks(scenes);
  }

  torch::nn::Module& module() override { return *model_; }

  at::Tensor loss(std::int64_t step) override {
    const auto indices =
        batch_indices(recipe_.seed ^ kAutoencoderStream, step, recipe_.batch, pictures_.size(0));
    const auto x = to_unit_range(pictures_.index_select(0, indices))
                       .contiguous(at::MemoryFormat::ChannelsLast);
    const auto posterior = model_->encode(x);
    const auto noise = at::randn(posterior.mean.sizes(), step_generator(recipe_.seed, step));
    const auto made = model_->decode(posterior.sample(noise));
    const auto divergence =
        0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1.0 - posterior.logvar).mean();
    const auto objects = masks_.index_select(0, indices).to(at::kFloat);
    return reconstruction_loss(made, x, objects, weights_) + divergence_ * divergence;
  }

  Result<std::string> finish() override {
    const at::NoGradGuard no_grad;
    round_to_half(*model_);
    const auto reconstructed = reconstruct_validation(model_);
    if (!reconstructed) return fail(reconstructed.error());
    const Reconstruction& measured = *reconstructed;
    // Latents are what diffusion sees: of unit deviation, rounded so that the file reads well.
    const double deviation = measured.latents.std().item<double>();
    const double scale = std::round(1e5 / deviation) / 1e5;
    auto config = recipe_.config;
    config["scaling_factor"] = scale;
    write_model(*model_, {places_.family / "models/shared/vae", "diffusion_pytorch_model", config});
    std::ostringstream note;
    note << "reconstruction PSNR " << measured.psnr << " dB, scaling factor " << scale;
    return note.str();
  }

 private:
  Recipe recipe_;
  TrainingPlaces places_;
  ReconstructionWeights weights_;
  double divergence_;
  Autoencoder model_;
  at::Tensor pictures_, masks_;
};

}  // namespace

Result<std::unique_ptr<Training>> make_autoencoder_training(const Recipe& recipe,
                                                            const TrainingPlaces& places) {
  const auto config = arch::vae_config_from_json(recipe.config, recipe.name + ": config");
  if (!config) return fail(config.error());
  JsonReader reader(recipe.options, recipe.name + ": options");
  const auto weights = reconstruction_weights(reader);
  const double divergence = reader.get_or<double>("divergence", 1e-3);
  const bool goes_on = reader.get_or<bool>("goes_on", false);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  at::manual_seed(recipe.seed);
  auto task = std::make_unique<AutoencoderTraining>(recipe, places, *config, weights, divergence);
  if (!goes_on) return task;
  const auto folder = places.family / "models/shared/vae";
  const auto finished = io::SafetensorsFolder::read(folder, "diffusion_pytorch_model");
  if (!finished) return fail(finished.error());
  const auto loaded = load_weights(task->module(), finished->tensors(), folder.string());
  if (!loaded) return fail(loaded.error());
  return task;
}

}  // namespace isocost::diffusion

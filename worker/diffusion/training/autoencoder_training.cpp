// The autoencoder: an L1 and a squared error, the same of horizontal and vertical differences (so
// that edges stay sharp), objects counted more than what is behind them, and a small
// Kullback-Leibler term that keeps the latents smooth. A recipe with "goes_on" begins with the
// family's autoencoder instead of drawn weights, and puts its own in their place: the weights say
// which recipe they are of and what that began with, so that a finished training that is called
// again ends with the same bytes, and does not go on from itself.
#include <cmath>
#include <sstream>

#include "base/io/inputs.h"
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
constexpr std::uint64_t kReconstructed = 1024;       // pictures

constexpr const char* kVaeBase = "diffusion_pytorch_model";
// In the metadata of the finished weights.
constexpr const char* kRecipeKey = "recipe";
constexpr const char* kBegunWithKey = "begun_with";

// The finished autoencoder that another one goes on from.
struct BegunWith {
  std::string digest;   // of its folder; empty: drawn weights
  bool is_own = false;  // what lies in the folder is what this recipe has made of it
};

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
  [[nodiscard]] std::string built_on() const override { return begun_with_.digest; }
  Result<void> begin_anew() override {
    if (!begun_with_.is_own) return {};
    return fail(recipe_.name + ": options.goes_on",
                "the family's autoencoder is this recipe's already, and would be trained further",
                "the autoencoder that it went on from, trained again");
  }
  void begin_with(BegunWith begun) { begun_with_ = std::move(begun); }

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
    const auto reconstructed = reconstruct(
        model_, world_pictures(world_scenes(world::Split::kValidation, kReconstructed)));
    if (!reconstructed) return fail(reconstructed.error());
    const Reconstruction& measured = *reconstructed;
    // Latents are what diffusion sees: of unit deviation, rounded so that the file reads well.
    const double deviation = measured.latents.std().item<double>();
    const double scale = std::round(1e5 / deviation) / 1e5;
    auto config = recipe_.config;
    config["scaling_factor"] = scale;
    io::Metadata said = {{kRecipeKey, recipe_.name}};
    if (!begun_with_.digest.empty()) said[kBegunWithKey] = begun_with_.digest;
    write_model(*model_, {places_.family / "models/shared/vae", kVaeBase, config, std::move(said)});
    std::ostringstream note;
    note << "reconstruction PSNR " << measured.psnr << " dB, scaling factor " << scale;
    return note.str();
  }

 private:
  Recipe recipe_;
  TrainingPlaces places_;
  ReconstructionWeights weights_;
  double divergence_;
  BegunWith begun_with_;
  Autoencoder model_;
  at::Tensor pictures_, masks_;
};

// Loads what lies in the folder, and says what the training has begun with.
Result<BegunWith> take_finished(torch::nn::Module& module, const Recipe& recipe,
                                const std::filesystem::path& folder) {
  const auto finished =
      io::SafetensorsFile::read(folder / (std::string(kVaeBase) + ".safetensors"));
  if (!finished) return fail(finished.error());
  const auto loaded = load_weights(module, finished->tensors(), folder.string());
  if (!loaded) return fail(loaded.error());
  const auto& said = finished->metadata();
  const auto of = said.find(kRecipeKey), with = said.find(kBegunWithKey);
  if (of != said.end() && with != said.end() && of->second == recipe.name)
    return BegunWith{with->second, true};
  const auto digest = io::input_digest(folder);
  if (!digest) return fail(digest.error());
  return BegunWith{digest->hex(), false};
}

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
  auto begun = take_finished(task->module(), recipe, places.family / "models/shared/vae");
  if (!begun) return fail(begun.error());
  task->begin_with(std::move(*begun));
  return task;
}

}  // namespace isocost::diffusion

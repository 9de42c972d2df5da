// The decoder alone, polished after the autoencoder: the encoder is frozen, so latents, and the
// U-Nets that were trained on them, stay as they are.
#include <cmath>
#include <sstream>

#include "schema/json_reader.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/reconstruction.h"
#include "worker/diffusion/training/task.h"

namespace isocost::diffusion {
namespace {

constexpr std::uint64_t kStream = 0x44u;  // of batch order
constexpr std::int64_t kChunk = 64;

class DecoderTask : public Task {
 public:
  DecoderTask(const Recipe& recipe, const TaskPlaces& places, Autoencoder vae, double noise,
              ReconstructionWeights weights)
      : recipe_(recipe), places_(places), noise_(noise), weights_(weights), vae_(std::move(vae)) {
    trained_ = torch::nn::Sequential();
    trained_->push_back(vae_->decoder);
    if (vae_->post_quant_conv) trained_->push_back(vae_->post_quant_conv);
    for (auto& parameter : trained_->parameters()) parameter.requires_grad_(true);
    pictures_ = world_pictures(world_scenes(world::Split::kTrain, recipe.pictures));
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> latents;
    for (std::int64_t i = 0; i < pictures_.size(0); i += kChunk)
      latents.push_back(vae_->encode(to_unit_range(pictures_.slice(0, i, i + kChunk))
                                         .contiguous(at::MemoryFormat::ChannelsLast))
                            .mean);
    latents_ = at::cat(latents);
  }

  torch::nn::Module& module() override { return *trained_; }

  at::Tensor loss(std::int64_t step) override {
    const auto indices =
        batch_indices(recipe_.seed ^ kStream, step, recipe_.batch, pictures_.size(0));
    const auto wanted = to_unit_range(pictures_.index_select(0, indices))
                            .contiguous(at::MemoryFormat::ChannelsLast);
    const auto clean = latents_.index_select(0, indices);
    const auto noise = at::randn(clean.sizes(), step_generator(recipe_.seed, step));
    // Noise on the latents: what a U-Net hands over is never quite what the encoder would have.
    const auto latents = (clean + noise_ * noise).contiguous(at::MemoryFormat::ChannelsLast);
    return reconstruction_loss(vae_->decode(latents), wanted, weights_);
  }

  Result<std::string> finish() override {
    round_to_half(*vae_);
    const auto folder = places_.family / "models/shared/vae";
    const auto config = read_json_file(folder / "config.json");
    if (!config) return fail(config.error());
    write_model(*vae_, {folder, "diffusion_pytorch_model", *config});
    std::ostringstream note;
    note << "reconstruction PSNR " << reconstruct_validation(vae_).psnr << " dB";
    return note.str();
  }

 private:
  Recipe recipe_;
  TaskPlaces places_;
  double noise_;
  ReconstructionWeights weights_;
  Autoencoder vae_;
  torch::nn::Sequential trained_{nullptr};
  at::Tensor pictures_, latents_;
};

}  // namespace

Result<std::unique_ptr<Task>> make_decoder_task(const Recipe& recipe, const TaskPlaces& places) {
  auto vae = load_autoencoder(places.family / "models/shared/vae");
  if (!vae) return fail(vae.error());
  JsonReader reader(recipe.options, recipe.name + ": options");
  const double noise = reader.get_or<double>("noise", 0.0);
  const auto weights = reconstruction_weights(reader);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return std::make_unique<DecoderTask>(recipe, places, *vae, noise, weights);
}

}  // namespace isocost::diffusion

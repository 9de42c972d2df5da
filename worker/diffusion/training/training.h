// The seam between the training loop and what is trained.
//
// A training owns its module and data; loss(step) is a pure function of the weights and of the
// step's number (data and noise are drawn by counter), which is what makes training resumable to
// the bit. Thread: one.
#pragma once

#include <torch/nn/module.h>

#include <filesystem>
#include <memory>
#include <string>

#include "worker/diffusion/training/recipe.h"

namespace isocost::diffusion {

// Where the family lies: experiments/mini, or a test's folder. Layout: see family.h.
struct TrainingPlaces {
  std::filesystem::path family;
  std::filesystem::path cache;  // of what can be computed again; outside the tree
};

class Training {
 public:
  Training() = default;
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;
  virtual ~Training() = default;

  virtual torch::nn::Module& module() = 0;
  // Names the finished parts that its data or first weights come from; empty without any. A
  // checkpoint belongs to them too.
  [[nodiscard]] virtual std::string built_on() const { return {}; }
  // Asked where there is no checkpoint to go on from. Fails where the weights that it would begin
  // with are its own.
  [[nodiscard]] virtual Result<void> begin_anew() { return {}; }
  // Differentiable, of one number.
  [[nodiscard]] virtual at::Tensor loss(std::int64_t step) = 0;
  // The module holds the averaged weights after so many steps: keeps them besides the finished
  // part. Trainings that are asked for no snapshots need not know how.
  [[nodiscard]] virtual Result<void> snapshot([[maybe_unused]] std::int64_t steps_done) {
    return fail("snapshots", "this part keeps none", "no \"snapshots\" in its recipe");
  }
  // The module holds the averaged weights: measures what is worth a log line, writes the finished
  // part into the family's folder.
  [[nodiscard]] virtual Result<std::string> finish() = 0;
};

[[nodiscard]] Result<std::unique_ptr<Training>> make_autoencoder_training(
    const Recipe& recipe, const TrainingPlaces& places);
[[nodiscard]] Result<std::unique_ptr<Training>> make_text_training(const Recipe& recipe,
                                                                   const TrainingPlaces& places);
[[nodiscard]] Result<std::unique_ptr<Training>> make_clip_training(const Recipe& recipe,
                                                                   const TrainingPlaces& places);
[[nodiscard]] Result<std::unique_ptr<Training>> make_features_training(
    const Recipe& recipe, const TrainingPlaces& places);
[[nodiscard]] Result<std::unique_ptr<Training>> make_unet_training(const Recipe& recipe,
                                                                   const TrainingPlaces& places);

}  // namespace isocost::diffusion

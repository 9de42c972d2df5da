// The seam between the training loop and what is trained.
//
// A task owns its module and data; loss(step) is a pure function of the weights and of the step's
// number (data and noise are drawn by counter), which is what makes training resumable to the bit.
// Thread: one.
#pragma once

#include <torch/nn/module.h>

#include <filesystem>
#include <memory>

#include "worker/diffusion/training/recipe.h"

namespace isocost::diffusion {

// Where the family lies: experiments/mini, or a test's folder. Layout: see family.h.
struct TaskPlaces {
  std::filesystem::path family;
  std::filesystem::path cache;  // of what can be computed again; outside the tree
};

class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  virtual torch::nn::Module& module() = 0;
  // Differentiable, of one number.
  [[nodiscard]] virtual at::Tensor loss(std::int64_t step) = 0;
  // The module holds the averaged weights: measures what is worth a log line, writes the finished
  // part into the family's folder.
  [[nodiscard]] virtual Result<std::string> finish() = 0;
};

[[nodiscard]] Result<std::unique_ptr<Task>> make_autoencoder_task(const Recipe& recipe,
                                                                  const TaskPlaces& places);
[[nodiscard]] Result<std::unique_ptr<Task>> make_clip_task(const Recipe& recipe,
                                                           const TaskPlaces& places);
[[nodiscard]] Result<std::unique_ptr<Task>> make_features_task(const Recipe& recipe,
                                                               const TaskPlaces& places);
[[nodiscard]] Result<std::unique_ptr<Task>> make_unet_task(const Recipe& recipe,
                                                           const TaskPlaces& places);

}  // namespace isocost::diffusion

// AdamW (Loshchilov and Hutter 2019) with a moving average of the weights, over one flat tensor.
//
//   FlatAdamW optimizer(*module, {.weight_decay = 0.01});
//   loss.backward();
//   double norm = optimizer.step(learning_rate);  // clips, steps, averages, clears the gradients
//
// The module's parameters and gradients become views of two flat tensors, so that a step costs a
// few large operations instead of a dozen small ones a parameter. The module must outlive it, and
// nobody may replace its parameters or gradients. Thread: one.
#pragma once

#include <torch/nn/module.h>

#include "base/io/safetensors.h"

namespace isocost::diffusion {

struct AdamWOptions {
  double beta_1 = 0.9;
  double beta_2 = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double clip_norm = 1;  // of the whole gradient; 0 does not clip
  double ema = 0.999;    // the average keeps min(ema, (n + 1) / (n + 10)) of itself at step n
};

class FlatAdamW {
 public:
  FlatAdamW(torch::nn::Module& module, AdamWOptions options);

  // The gradient's norm before clipping. A gradient that is not finite changes nothing.
  double step(double learning_rate);
  [[nodiscard]] std::int64_t steps_done() const { return steps_done_; }

  // Exchanges the weights and their average: call before evaluating, and again to go on.
  void swap_average();

  // Everything that a later step depends on. The views live as long as this object.
  [[nodiscard]] io::TensorViews state() const;
  // Fails with: tensors missing or of another size; then nothing is changed.
  [[nodiscard]] Result<void> restore(const io::TensorViews& state, std::int64_t steps_done,
                                     const std::string& where);

 private:
  AdamWOptions options_;
  at::Tensor weights_, gradients_, first_moment_, second_moment_, average_;  // [n]
  std::int64_t steps_done_ = 0;
};

}  // namespace isocost::diffusion

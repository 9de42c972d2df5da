// A linear answer to each of the world's attribute questions, for training.
//
//   Tensor loss = attribute_loss(heads, features, labels);   // labels int64 [B, attributes]
//
// Thread: one at a time.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

namespace isocost::diffusion {

struct AttributeHeadsImpl : torch::nn::Module {
  explicit AttributeHeadsImpl(std::int64_t width);
  // All answers side by side, [B, sum of classes].
  at::Tensor forward(const at::Tensor& features);

  torch::nn::Linear linear;
};
TORCH_MODULE(AttributeHeads);

// The mean cross-entropy over the questions; labels of kNotAsked count nothing.
inline constexpr std::int64_t kNotAsked = -100;
[[nodiscard]] at::Tensor attribute_loss(AttributeHeads& heads, const at::Tensor& features,
                                        const at::Tensor& labels);
// The likeliest answer to each question, int64 [B, attributes], from answers side by side.
[[nodiscard]] at::Tensor likeliest_answers(const at::Tensor& answers);

}  // namespace isocost::diffusion

#include "worker/diffusion/training/attribute_heads.h"

#include <vector>

#include "experiments/world/world.h"

namespace isocost::diffusion {
namespace {

std::int64_t answers_width() {
  std::int64_t width = 0;
  for (const auto& attribute : world::attributes()) width += attribute.classes;
  return width;
}

// One tensor a question.
std::vector<at::Tensor> split_answers(const at::Tensor& answers) {
  std::vector<at::Tensor> parts;
  std::int64_t offset = 0;
  for (const auto& attribute : world::attributes()) {
    parts.push_back(answers.narrow(1, offset, attribute.classes));
    offset += attribute.classes;
  }
  return parts;
}

}  // namespace

AttributeHeadsImpl::AttributeHeadsImpl(std::int64_t width)
    : linear(register_module("linear", torch::nn::Linear(width, answers_width()))) {}

at::Tensor AttributeHeadsImpl::forward(const at::Tensor& features) { return linear(features); }

at::Tensor attribute_loss(AttributeHeads& heads, const at::Tensor& features,
                          const at::Tensor& labels) {
  const auto parts = split_answers(heads(features));
  auto sum = at::zeros({}, at::kFloat);
  const auto asked = labels.ne(kNotAsked).sum(0).to(at::kFloat).clamp_min(1);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i);
    sum = sum + at::cross_entropy_loss(parts[i], labels.select(1, column), {}, at::Reduction::Sum,
                                       kNotAsked) /
                    asked[column];
  }
  return sum / static_cast<double>(parts.size());
}

at::Tensor likeliest_answers(const at::Tensor& answers) {
  std::vector<at::Tensor> best;
  for (const auto& part : split_answers(answers)) best.push_back(part.argmax(1));
  return at::stack(best, 1);
}

}  // namespace isocost::diffusion

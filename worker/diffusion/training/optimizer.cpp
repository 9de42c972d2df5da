#include "worker/diffusion/training/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace isocost::diffusion {
namespace {

// Parameters begin on multiples of 64 bytes, as the kernels like it.
constexpr std::int64_t kAlignment = 16;

std::int64_t padded(std::int64_t count) {
  return (count + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

FlatAdamW::FlatAdamW(torch::nn::Module& module, AdamWOptions options) : options_(options) {
  const at::NoGradGuard no_grad;
  const auto parameters = module.parameters();
  std::int64_t total = 0;
  for (const auto& parameter : parameters) total += padded(parameter.numel());
  weights_ = at::zeros({total}, at::kFloat);
  gradients_ = at::zeros_like(weights_);
  first_moment_ = at::zeros_like(weights_);
  second_moment_ = at::zeros_like(weights_);
  std::int64_t offset = 0;
  for (const auto& parameter : parameters) {
    const auto shape = parameter.sizes().vec();
    const auto view = weights_.narrow(0, offset, parameter.numel()).view(shape);
    view.copy_(parameter);
    parameter.set_data(view);
    parameter.mutable_grad() = gradients_.narrow(0, offset, parameter.numel()).view(shape);
    offset += padded(parameter.numel());
  }
  average_ = weights_.clone();
}

double FlatAdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  const double norm = gradients_.norm().item<double>();
  if (std::isfinite(norm)) {
    if (options_.clip_norm > 0 && norm > options_.clip_norm)
      gradients_.mul_(options_.clip_norm / norm);
    const auto n = static_cast<double>(steps_done_ + 1);
    first_moment_.lerp_(gradients_, 1 - options_.beta_1);
    second_moment_.mul_(options_.beta_2).addcmul_(gradients_, gradients_, 1 - options_.beta_2);
    const double correction_1 = 1 - std::pow(options_.beta_1, n);
    const double correction_2 = std::sqrt(1 - std::pow(options_.beta_2, n));
    weights_.mul_(1 - learning_rate * options_.weight_decay);
    const auto denominator = (second_moment_.sqrt() / correction_2).add_(options_.eps);
    weights_.addcdiv_(first_moment_, denominator, -learning_rate / correction_1);
  }
  const auto done = static_cast<double>(steps_done_);
  average_.lerp_(weights_, 1 - std::min(options_.ema, (done + 1) / (done + 10)));
  gradients_.zero_();
  ++steps_done_;
  return norm;
}

void FlatAdamW::swap_average() {
  const at::NoGradGuard no_grad;
  const auto kept = weights_.clone();
  weights_.copy_(average_);
  average_.copy_(kept);
}

io::TensorViews FlatAdamW::state() const {
  io::TensorViews views;
  const auto add = [&](const char* name, const at::Tensor& tensor) {
    const auto bytes = static_cast<std::size_t>(tensor.numel()) * sizeof(float);
    views[name] = {io::Dtype::kF32,
                   {tensor.numel()},
                   {static_cast<const std::byte*>(tensor.data_ptr()), bytes}};
  };
  add("weights", weights_);
  add("first_moment", first_moment_);
  add("second_moment", second_moment_);
  add("average", average_);
  return views;
}

Result<void> FlatAdamW::restore(const io::TensorViews& state, std::int64_t steps_done,
                                const std::string& where) {
  const std::array<std::pair<const char*, at::Tensor*>, 4> targets = {
      {{"weights", &weights_},
       {"first_moment", &first_moment_},
       {"second_moment", &second_moment_},
       {"average", &average_}}};
  const auto bytes = static_cast<std::size_t>(weights_.numel()) * sizeof(float);
  for (const auto& [name, unused] : targets) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.dtype != io::Dtype::kF32 ||
        found->second.bytes.size() != bytes)
      return fail(where, c10::str("'", name, "' does not fit this recipe"),
                  c10::str(bytes, " bytes of F32; remove the file to start again"));
  }
  for (const auto& [name, target] : targets)
    std::memcpy(target->data_ptr(), state.find(name)->second.bytes.data(), bytes);
  gradients_.zero_();
  steps_done_ = steps_done;
  return {};
}

}  // namespace isocost::diffusion

#include "worker/diffusion/verify/replay.h"

#include <stdexcept>

namespace isocost::diffusion {
namespace {

constexpr const char* kStepRole = "step";

// What references call the noise of tasks.
const std::map<std::uint32_t, std::string>& roles() {
  static const std::map<std::uint32_t, std::string> kRoles = {
      {kStartNoise, "noise"},
      {kPosteriorNoise, "vae_posterior_image"},
      {kMaskedPosteriorNoise, "vae_posterior_masked_image"},
      {kLowResolutionNoise, "low_res_noise"}};
  return kRoles;
}

}  // namespace

StoredNoise::StoredNoise(std::map<std::string, std::vector<Tensor>> draws, Tensor latents)
    : draws_(std::move(draws)), latents_(std::move(latents)) {}

NoiseOf StoredNoise::source() {
  return [this](std::uint32_t number, at::IntArrayRef shape) { return draw(number, shape); };
}

Tensor StoredNoise::draw(std::uint32_t number, at::IntArrayRef shape) {
  const bool is_step = number >= kStepNoise && number < kTaskNoise;
  const Tensor stored = is_step ? step(number) : other(number);
  if (stored.dim() == 0 || stored.sizes().slice(1) != shape)
    throw std::out_of_range(c10::str("a draw has shape ", stored.sizes(), " and not [batch, ",
                                     c10::Join(", ", shape), "]"));
  return stored;
}

Tensor StoredNoise::step(std::uint32_t number) {
  const std::size_t index = steps_.emplace(number, steps_.size()).first->second;
  const auto& stored = draws_[kStepRole];
  if (index >= stored.size())
    throw std::out_of_range("the sampler asks for more noise than is stored");
  used_[kStepRole] = std::max(used_[kStepRole], index + 1);
  return stored[index];
}

Tensor StoredNoise::other(std::uint32_t number) {
  if (number == kStartNoise && latents_.defined()) return latents_;
  const std::string& role = roles().at(number);
  const auto& stored = draws_[role];
  if (stored.empty()) throw std::out_of_range("the task asks for noise of the role " + role);
  used_[role] = 1;
  return stored.front();
}

void StoredNoise::check(Taken& take) const {
  for (const auto& [role, stored] : draws_) {
    // The pipeline for masks draws this one also for networks that take no mask.
    if (role == roles().at(kMaskedPosteriorNoise)) continue;
    const auto used = used_.find(role);
    const std::size_t count = used == used_.end() ? 0 : used->second;
    if (count != stored.size())
      take.fault("noise of the role " + role + " was drawn " + std::to_string(count) + " times",
                 std::to_string(stored.size()) + " as the reference has it");
  }
}

}  // namespace isocost::diffusion

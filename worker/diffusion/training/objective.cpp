#include "worker/diffusion/training/objective.h"

#include <cmath>
#include <vector>

namespace isocost::diffusion {
namespace {

// Square roots shifted so that the last is 0, scaled so that the first stays.
void end_in_noise(std::vector<double>& products) {
  const double first = std::sqrt(products.front()), last = std::sqrt(products.back());
  for (auto& product : products) {
    const double root = (std::sqrt(product) - last) * first / (first - last);
    product = root * root;
  }
}

}  // namespace

at::Tensor alphas_cumulated(const Objective& objective) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(kTimesteps));
  double product = 1;
  for (std::int64_t t = 0; t < kTimesteps; ++t) {
    const double share = static_cast<double>(t) / static_cast<double>(kTimesteps - 1);
    const double root =
        std::sqrt(kBetaStart) + share * (std::sqrt(kBetaEnd) - std::sqrt(kBetaStart));
    product *= 1 - root * root;
    values.push_back(product);
  }
  if (objective.zero_terminal_snr) end_in_noise(values);
  return at::tensor(values).to(at::kFloat);
}

at::Tensor target_of(const Objective& objective, const at::Tensor& alpha, const at::Tensor& latents,
                     const at::Tensor& epsilon) {
  if (!objective.predicts_v) return epsilon;
  return alpha.sqrt() * epsilon - (1 - alpha).sqrt() * latents;
}

at::Tensor loss_weights(const Objective& objective, const at::Tensor& alpha) {
  if (objective.min_snr <= 0) return at::ones({}, alpha.options());
  const auto snr = alpha / (1 - alpha);
  const auto scale = objective.predicts_v ? snr + 1 : snr;
  return snr.clamp_max(objective.min_snr) / scale;
}

}  // namespace isocost::diffusion

// What a U-Net learns to predict, on which noise schedule, and how much each timestep counts.
//
//   Tensor alphas = alphas_cumulated(objective);                     // [T]
//   Tensor noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * epsilon;
//   Tensor loss = (loss_weights(objective, alpha) * (made - target_of(...)).square()).mean();
//
// The schedule is Stable Diffusion's: scaled_linear, 0.00085 to 0.012, 1000 timesteps. `alpha` is
// the product of 1 - beta up to an example's timestep and broadcasts over latents. float32. Pure;
// thread: any.
#pragma once

#include <ATen/ATen.h>

namespace isocost::diffusion {

inline constexpr std::int64_t kTimesteps = 1000;
inline constexpr double kBetaStart = 0.00085;
inline constexpr double kBetaEnd = 0.012;

struct Objective {
  bool predicts_v = false;         // epsilon otherwise
  bool zero_terminal_snr = false;  // Lin et al. 2024: the last timestep is noise alone
  double min_snr = 0;              // gamma of Hang et al. 2023; 0: every timestep counts alike
};

// The product of 1 - beta up to every timestep, [T]; rescaled as Lin et al. 2024, algorithm 1, with
// zero_terminal_snr.
[[nodiscard]] at::Tensor alphas_cumulated(const Objective& objective);

// epsilon, or v = sqrt(alpha) epsilon - sqrt(1 - alpha) x (Salimans and Ho 2022, appendix D).
[[nodiscard]] at::Tensor target_of(const Objective& objective, const at::Tensor& alpha,
                                   const at::Tensor& latents, const at::Tensor& epsilon);

// Hang et al. 2023, section 3.4: min(SNR, gamma) / SNR for epsilon and min(SNR, gamma) / (SNR + 1)
// for v, as the target's own scale is; 1 without a gamma.
[[nodiscard]] at::Tensor loss_weights(const Objective& objective, const at::Tensor& alpha);

}  // namespace isocost::diffusion

// Song et al. 2021, "Denoising Diffusion Implicit Models", equations 12 and 16, as diffusers'
// DDIMScheduler steps them.
#include <cmath>

#include "worker/diffusion/samplers/prediction.h"
#include "worker/diffusion/samplers/solvers.h"

namespace isocost::diffusion {

at::Tensor ddim(const sampling::SamplerConfig& config, const Predict& predict,
                const Trajectory& start) {
  const std::vector<float> alpha_bar = sampling::alphas_cumprod(config);
  const double alpha_bar_final = config.set_alpha_to_one ? 1.0 : double(alpha_bar.front());
  const std::vector<double> timesteps = sampling::call_timesteps(config);
  at::Tensor x = start.x_T;
  for (std::size_t k = 0; k < timesteps.size(); ++k) {
    const auto t = static_cast<std::int64_t>(timesteps[k]);
    // The reference implementation steps by T / N whatever the spacing is; where N does not divide
    // T this is not the next timestep of the list, and is kept for agreement.
    const std::int64_t t_prev = t - config.num_train_timesteps / config.steps;
    const auto alpha_bar_t = double(alpha_bar[static_cast<std::size_t>(t)]);
    const double alpha_bar_prev =
        t_prev >= 0 ? double(alpha_bar[static_cast<std::size_t>(t_prev)]) : alpha_bar_final;
    const double alpha = std::sqrt(alpha_bar_t);
    const double sigma = std::sqrt(1 - alpha_bar_t);

    const at::Tensor output = predict(x, timesteps[k]);
    const at::Tensor x0 = bound_x0(config, predict_x0(config, x, output, alpha, sigma));
    const at::Tensor epsilon = predict_epsilon(config, x, output, alpha, sigma);

    const double variance =
        (1 - alpha_bar_prev) / (1 - alpha_bar_t) * (1 - alpha_bar_t / alpha_bar_prev);
    const double s = config.eta > 0 ? config.eta * std::sqrt(variance) : 0.0;
    x = std::sqrt(alpha_bar_prev) * x0 + std::sqrt(1 - alpha_bar_prev - s * s) * epsilon;
    if (config.eta > 0) x = x + s * start.draw(static_cast<int>(k));
    if (start.after_call) start.after_call(static_cast<int>(k), x);
  }
  return x;
}

}  // namespace isocost::diffusion

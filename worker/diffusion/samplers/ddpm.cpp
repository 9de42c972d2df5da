// Ho et al. 2020, "Denoising Diffusion Probabilistic Models", equations 6 and 7, on a subset of the
// timesteps.
#include <algorithm>
#include <cmath>

#include "worker/diffusion/samplers/prediction.h"
#include "worker/diffusion/samplers/solvers.h"

namespace isocost::diffusion {
namespace {

// The standard deviation of the noise that is added.
double posterior_deviation(const std::string& variance_type, double alpha_bar_t,
                           double alpha_bar_prev, double beta_t) {
  const double small = std::max((1 - alpha_bar_prev) / (1 - alpha_bar_t) * beta_t, 1e-20);
  if (variance_type == "fixed_small") return std::sqrt(small);
  if (variance_type == "fixed_small_log") return std::exp(0.5 * std::log(small));
  if (variance_type == "fixed_large") return std::sqrt(beta_t);
  // The reference implementation returns log beta here and takes its square root; NaN for every
  // beta below 1. What is meant is the deviation of a variance given by its logarithm.
  return std::exp(0.5 * std::log(beta_t));
}

}  // namespace

at::Tensor ddpm(const sampling::SamplerConfig& config, const Predict& predict,
                const Trajectory& start) {
  const std::vector<float> alpha_bar = sampling::alphas_cumprod(config);
  const std::vector<double> timesteps = sampling::call_timesteps(config);
  at::Tensor x = start.x_T;
  int draws = 0;
  for (std::size_t k = 0; k < timesteps.size(); ++k) {
    const bool is_last = k + 1 == timesteps.size();
    const auto alpha_bar_t = double(alpha_bar[static_cast<std::size_t>(timesteps[k])]);
    const double alpha_bar_prev =
        is_last ? 1.0 : double(alpha_bar[static_cast<std::size_t>(timesteps[k + 1])]);
    const double alpha_t = alpha_bar_t / alpha_bar_prev;
    const double beta_t = 1 - alpha_t;

    const at::Tensor output = predict(x, timesteps[k]);
    const at::Tensor x0 = bound_x0(
        config, predict_x0(config, x, output, std::sqrt(alpha_bar_t), std::sqrt(1 - alpha_bar_t)));

    x = (std::sqrt(alpha_bar_prev) * beta_t / (1 - alpha_bar_t)) * x0 +
        (std::sqrt(alpha_t) * (1 - alpha_bar_prev) / (1 - alpha_bar_t)) * x;
    if (timesteps[k] > 0) {
      x = x + posterior_deviation(config.variance_type, alpha_bar_t, alpha_bar_prev, beta_t) *
                  start.draw(draws++);
    }
    if (start.after_call) start.after_call(static_cast<int>(k), x);
  }
  return x;
}

}  // namespace isocost::diffusion

// Lu et al. 2022, "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic
// Models", algorithm 2 (multistep, second order, data prediction), as diffusers'
// DPMSolverMultistepScheduler steps it.
#include <cmath>

#include "worker/diffusion/samplers/prediction.h"
#include "worker/diffusion/samplers/solvers.h"

namespace isocost::diffusion {
namespace {

// Below this many steps the last one is of first order, for stability.
constexpr std::size_t kFewSteps = 15;

struct Point {
  double alpha = 1;
  double sigma = 0;
  double lambda = 0;  // log(alpha / sigma); infinite at the end
};

Point point(double sigma_ratio) {
  const double alpha = 1 / std::sqrt(sigma_ratio * sigma_ratio + 1);
  const double sigma = sigma_ratio * alpha;
  return {alpha, sigma, std::log(alpha) - std::log(sigma)};
}

bool falls_to_first_order(const sampling::SamplerConfig& config, std::size_t k, std::size_t count) {
  if (config.solver_order == 1 || k == 0) return true;
  if (k + 1 < count) return false;
  return config.euler_at_final || (config.lower_order_final && count < kFewSteps) ||
         config.final_sigmas_type == "zero";
}

}  // namespace

at::Tensor dpmpp_2m(const sampling::SamplerConfig& config, const Predict& predict,
                    const Trajectory& start) {
  const std::vector<double> timesteps = sampling::call_timesteps(config);
  const std::vector<double> sigmas = sampling::dpm_sigmas(config);
  at::Tensor x = start.x_T;
  at::Tensor m1;  // the x0 of the call before
  for (std::size_t k = 0; k < timesteps.size(); ++k) {
    const Point s = point(sigmas[k]);
    const Point t = point(sigmas[k + 1]);
    const at::Tensor m0 =
        bound_x0(config, predict_x0(config, x, predict(x, timesteps[k]), s.alpha, s.sigma));

    const double h = t.lambda - s.lambda;
    const double phi = std::exp(-h) - 1;
    at::Tensor next = (t.sigma / s.sigma) * x - (t.alpha * phi) * m0;
    if (!falls_to_first_order(config, k, timesteps.size())) {
      const double r0 = (s.lambda - point(sigmas[k - 1]).lambda) / h;
      const at::Tensor D1 = (1 / r0) * (m0 - m1);
      const double weight =
          config.solver_type == "midpoint" ? -0.5 * t.alpha * phi : t.alpha * (phi / h + 1);
      next = next + weight * D1;
    }
    x = next;
    m1 = m0;
    if (start.after_call) start.after_call(static_cast<int>(k), x);
  }
  return x;
}

}  // namespace isocost::diffusion

// Lu et al. 2022, "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic
// Models", algorithm 2 (multistep, second order, data prediction), as diffusers'
// DPMSolverMultistepScheduler steps it.
#include <cmath>

#include "base/check.h"
#include "schema/samplers/sampler.h"
#include "worker/diffusion/samplers/prediction.h"
#include "worker/diffusion/samplers/stepper.h"

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

class Dpmpp2m : public Stepper {
 public:
  explicit Dpmpp2m(const sampling::SamplerConfig& config)
      : Stepper(config), sigmas_(sampling::row_of(config).sigmas(config)) {
    ISOCOST_CHECK(sigmas_.size() == timesteps().size() + 1,
                  "a call leads from one sigma to the next");
  }

  [[nodiscard]] at::Tensor step(std::size_t k, const at::Tensor& x, const at::Tensor& output,
                                const Draw&) override {
    const Point s = point(sigmas_[k]);
    const Point t = point(sigmas_[k + 1]);
    const at::Tensor m0 = bound_x0(config(), predict_x0(config(), x, output, s.alpha, s.sigma));

    const double h = t.lambda - s.lambda;
    const double phi = std::exp(-h) - 1;
    at::Tensor next = (t.sigma / s.sigma) * x - (t.alpha * phi) * m0;
    if (!falls_to_first_order(k)) {
      const double r0 = (s.lambda - point(sigmas_[k - 1]).lambda) / h;
      const at::Tensor D1 = (1 / r0) * (m0 - m1_);
      const double weight = config().text("solver_type") == "midpoint" ? -0.5 * t.alpha * phi
                                                                       : t.alpha * (phi / h + 1);
      next = next + weight * D1;
    }
    m1_ = m0;
    return next;
  }

  [[nodiscard]] at::Tensor noised(std::size_t k, const at::Tensor& z,
                                  const at::Tensor& noise) const override {
    if (k >= timesteps().size()) return z;
    const Point s = point(sigmas_[k]);
    return s.alpha * z + s.sigma * noise;
  }

 private:
  [[nodiscard]] bool falls_to_first_order(std::size_t k) const {
    const std::size_t count = timesteps().size();
    if (config().number("solver_order") < 2 || !m1_.defined()) return true;
    if (k + 1 < count) return false;
    return config().flag("euler_at_final") ||
           (config().flag("lower_order_final") && count < kFewSteps) ||
           config().text("final_sigmas_type") == "zero";
  }

  std::vector<double> sigmas_;
  at::Tensor m1_;  // the x0 of the call before
};

}  // namespace

std::unique_ptr<Stepper> make_dpmpp_2m(const sampling::SamplerConfig& config) {
  return std::make_unique<Dpmpp2m>(config);
}

}  // namespace isocost::diffusion

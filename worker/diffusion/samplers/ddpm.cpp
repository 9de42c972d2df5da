// Ho et al. 2020, "Denoising Diffusion Probabilistic Models", equations 6 and 7, on a subset of the
// timesteps.
#include <algorithm>

#include "worker/diffusion/samplers/alphas.h"
#include "worker/diffusion/samplers/prediction.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {
namespace {

class Ddpm : public AlphaStepper {
 public:
  using AlphaStepper::AlphaStepper;

  [[nodiscard]] at::Tensor step(std::size_t k, const at::Tensor& x, const at::Tensor& output,
                                const Draw& draw) override {
    const double t = timesteps()[k];
    const bool is_last = k + 1 == timesteps().size();
    const double alpha_bar_t = alpha_bar(t);
    const double alpha_bar_prev = is_last ? 1.0 : alpha_bar(timesteps()[k + 1]);
    const double alpha_t = alpha_bar_t / alpha_bar_prev;
    const double beta_t = 1 - alpha_t;

    const at::Tensor x0 = bound_x0(config(), predict_x0(config(), x, output, std::sqrt(alpha_bar_t),
                                                        std::sqrt(1 - alpha_bar_t)));
    at::Tensor next = (std::sqrt(alpha_bar_prev) * beta_t / (1 - alpha_bar_t)) * x0 +
                      (std::sqrt(alpha_t) * (1 - alpha_bar_prev) / (1 - alpha_bar_t)) * x;
    if (t > 0) {
      const double small =
          std::max((1 - alpha_bar_prev) / (1 - alpha_bar_t) * beta_t, kVarianceMin);
      next = next + deviation(small, beta_t) * draw(draws_++);
    }
    return next;
  }

 private:
  static constexpr double kVarianceMin = 1e-20;

  // The standard deviation of the noise that is added.
  [[nodiscard]] double deviation(double small, double large) const {
    const std::string& type = config().text("variance_type");
    if (type == "fixed_small_log") return std::exp(0.5 * std::log(small));
    return std::sqrt(type == "fixed_large" ? large : small);
  }

  int draws_ = 0;
};

}  // namespace

std::unique_ptr<Stepper> make_ddpm(const sampling::SamplerConfig& config) {
  return std::make_unique<Ddpm>(config);
}

}  // namespace isocost::diffusion

// Song et al. 2021, "Denoising Diffusion Implicit Models", equations 12 and 16, as diffusers'
// DDIMScheduler steps them.
#include "worker/diffusion/samplers/alphas.h"
#include "worker/diffusion/samplers/prediction.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {
namespace {

class Ddim : public AlphaStepper {
 public:
  explicit Ddim(const sampling::SamplerConfig& config)
      : AlphaStepper(config),
        eta_(config.number("eta")),
        alpha_bar_final_(config.flag("set_alpha_to_one") ? 1.0 : alpha_bar(0)) {}

  [[nodiscard]] at::Tensor step(std::size_t k, const at::Tensor& x, const at::Tensor& output,
                                const Draw& draw) override {
    const double t = timesteps()[k];
    // The reference implementation steps by T / N whatever the spacing is; where N does not divide
    // T this is not the next timestep of the list, and is kept for agreement.
    const int stride = config().num_train_timesteps / config().steps;  // whole
    const double t_prev = t - stride;
    const double alpha_bar_t = alpha_bar(t);
    const double alpha_bar_prev = t_prev >= 0 ? alpha_bar(t_prev) : alpha_bar_final_;
    const double alpha = std::sqrt(alpha_bar_t);
    const double sigma = std::sqrt(1 - alpha_bar_t);

    const at::Tensor x0 = bound_x0(config(), predict_x0(config(), x, output, alpha, sigma));
    const at::Tensor epsilon = predict_epsilon(config(), x, output, alpha, sigma);

    const double variance =
        (1 - alpha_bar_prev) / (1 - alpha_bar_t) * (1 - alpha_bar_t / alpha_bar_prev);
    const double s = eta_ > 0 ? eta_ * std::sqrt(variance) : 0.0;
    at::Tensor next =
        std::sqrt(alpha_bar_prev) * x0 + std::sqrt(1 - alpha_bar_prev - s * s) * epsilon;
    if (eta_ > 0) next = next + s * draw(static_cast<int>(k));
    return next;
  }

 private:
  double eta_, alpha_bar_final_;
};

}  // namespace

std::unique_ptr<Stepper> make_ddim(const sampling::SamplerConfig& config) {
  return std::make_unique<Ddim>(config);
}

}  // namespace isocost::diffusion

// Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models",
// algorithm 2 without churn and without its second order, as diffusers' EulerDiscreteScheduler
// steps it: x is x0 + sigma epsilon, so its scale is not that of the training.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "schema/samplers/sampler.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {
namespace {

class Euler : public Stepper {
 public:
  explicit Euler(const sampling::SamplerConfig& config)
      : Stepper(config), sigmas_(sampling::row_of(config).sigmas(config)) {
    ISOCOST_CHECK(sigmas_.size() == timesteps().size() + 1,
                  "a call leads from one sigma to the next");
  }

  [[nodiscard]] double init_sigma() const override {
    const double largest = *std::max_element(sigmas_.begin(), sigmas_.end());
    return config().timestep_spacing == "leading" ? std::sqrt(largest * largest + 1) : largest;
  }

  [[nodiscard]] at::Tensor input(std::size_t k, const at::Tensor& x) const override {
    return x / std::sqrt(sigmas_[k] * sigmas_[k] + 1);
  }

  [[nodiscard]] at::Tensor step(std::size_t k, const at::Tensor& x, const at::Tensor& output,
                                const Draw&) override {
    const double sigma = sigmas_[k];
    const at::Tensor derivative = (x - predicted(x, output, sigma)) / sigma;
    return x + derivative * (sigmas_[k + 1] - sigma);
  }

  [[nodiscard]] at::Tensor noised(std::size_t k, const at::Tensor& z,
                                  const at::Tensor& noise) const override {
    return k < timesteps().size() ? z + sigmas_[k] * noise : z;
  }

 private:
  // x0 by the network's output for x / sqrt(sigma^2 + 1).
  [[nodiscard]] at::Tensor predicted(const at::Tensor& x, const at::Tensor& output,
                                     double sigma) const {
    if (config().prediction_type == "sample") return output;
    if (config().prediction_type == "epsilon") return x - sigma * output;
    const double variance = sigma * sigma + 1;
    return output * (-sigma / std::sqrt(variance)) + x / variance;
  }

  std::vector<double> sigmas_;
};

}  // namespace

std::unique_ptr<Stepper> make_euler(const sampling::SamplerConfig& config) {
  return std::make_unique<Euler>(config);
}

}  // namespace isocost::diffusion

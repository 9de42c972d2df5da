// What the solvers that step between values of alpha_bar share (DDIM, DDPM). Pure, any thread.
#pragma once

#include <cmath>

#include "schema/samplers/schedule.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {

class AlphaStepper : public Stepper {
 public:
  explicit AlphaStepper(const sampling::SamplerConfig& config)
      : Stepper(config), alphas_(sampling::alphas_cumprod(config)) {}

  [[nodiscard]] at::Tensor noised(std::size_t k, const at::Tensor& z,
                                  const at::Tensor& noise) const override {
    if (k >= timesteps().size()) return z;
    const double bar = alpha_bar(timesteps()[k]);
    return std::sqrt(bar) * z + std::sqrt(1 - bar) * noise;
  }

 protected:
  // Of a timestep of the training schedule, counted from 0.
  [[nodiscard]] double alpha_bar(double t) const {
    return double(alphas_[static_cast<std::size_t>(t)]);
  }

 private:
  std::vector<float> alphas_;
};

}  // namespace isocost::diffusion

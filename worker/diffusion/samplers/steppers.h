// The steppers behind make_stepper(): one file each, one line each in steppers.cpp.
#pragma once

#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {

[[nodiscard]] std::unique_ptr<Stepper> make_ddim(const sampling::SamplerConfig& config);
[[nodiscard]] std::unique_ptr<Stepper> make_ddpm(const sampling::SamplerConfig& config);
[[nodiscard]] std::unique_ptr<Stepper> make_dpmpp_2m(const sampling::SamplerConfig& config);

}  // namespace isocost::diffusion

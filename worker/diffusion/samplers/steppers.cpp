#include <algorithm>
#include <map>

#include "base/check.h"
#include "schema/samplers/resolve.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {

#define ISOCOST_ROW(name) std::unique_ptr<Stepper> make_##name(const sampling::SamplerConfig&);
#include "worker/diffusion/samplers/rows.inc"
#undef ISOCOST_ROW

namespace {

using MakeStepper = std::unique_ptr<Stepper> (*)(const sampling::SamplerConfig&);

// a_b is called a-b.
std::string name_of(std::string row) {
  std::replace(row.begin(), row.end(), '_', '-');
  return row;
}

const std::map<std::string, MakeStepper>& table() {
#define ISOCOST_ROW(name) {name_of(#name), make_##name},
  static const std::map<std::string, MakeStepper> kSteppers = {
#include "worker/diffusion/samplers/rows.inc"
  };
#undef ISOCOST_ROW
  return kSteppers;
}

}  // namespace

Stepper::Stepper(const sampling::SamplerConfig& config)
    : config_(config), timesteps_(sampling::call_timesteps(config)) {}

at::Tensor Stepper::input(std::size_t, const at::Tensor& x) const { return x; }

std::unique_ptr<Stepper> make_stepper(const sampling::SamplerConfig& config) {
  const auto found = table().find(config.sampler);
  ISOCOST_CHECK(found != table().end(), "a resolved sampler has a stepper");
  return found->second(config);
}

std::vector<std::string> stepper_names() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : table()) names.push_back(name);
  return names;
}

at::Tensor run(Stepper& stepper, const Predict& predict, const Trajectory& start) {
  at::Tensor x = start.x;
  const auto& timesteps = stepper.timesteps();
  ISOCOST_CHECK(x.defined() && at::isFloatingType(x.scalar_type()), "latents are real numbers");
  ISOCOST_CHECK(start.first_call <= timesteps.size(), "a task begins at a call or after the last");
  for (std::size_t k = start.first_call; k < timesteps.size(); ++k) {
    const at::Tensor output = predict(stepper.input(k, x), timesteps[k]);
    ISOCOST_CHECK(output.sizes() == x.sizes(), "the network answers with a value a latent");
    x = stepper.step(k, x, output, start.draw);
    if (start.after_step) start.after_step(k, x);
  }
  return x;
}

}  // namespace isocost::diffusion

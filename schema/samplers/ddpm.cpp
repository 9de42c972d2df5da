#include <algorithm>

#include "schema/samplers/bounds.h"
#include "schema/samplers/sampler.h"
#include "schema/samplers/schedule.h"

namespace isocost::sampling {
namespace {

// Timestep 0 draws none.
std::size_t ddpm_draws(const SamplerConfig& config) {
  const auto timesteps = alpha_timesteps(config);
  return static_cast<std::size_t>(
      std::count_if(timesteps.begin(), timesteps.end(), [](double t) { return t > 0; }));
}

}  // namespace

Sampler ddpm_row() {
  Sampler row;
  row.name = "ddpm";
  row.label = "DDPM";
  row.class_name = "DDPMScheduler";
  row.paper = "Ho et al. 2020";
  row.default_spacing = "leading";
  row.options = {choice("variance_type", "fixed_small",
                        {"fixed_small", "fixed_small_log", "fixed_large"},
                        "the variance of the noise that a step adds")};
  for (auto& option : bound_options(Bounds::kThresholdingAndClipping))
    row.options.push_back(std::move(option));
  row.timesteps = alpha_timesteps;
  row.draws = ddpm_draws;
  row.drop_idle = drop_idle_bounds;
  return row;
}

}  // namespace isocost::sampling

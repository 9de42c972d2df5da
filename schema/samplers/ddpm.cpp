#include <algorithm>

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

void drop_idle_of_ddpm(const SamplerConfig& config, Json& key) {
  if (config.thresholding) key.erase("clip_sample");
  if (config.thresholding || !config.flag("clip_sample")) key.erase("clip_sample_range");
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
                        "the variance of the noise that a step adds"),
                 flag("clip_sample", true, "x0 is clipped"),
                 number("clip_sample_range", 1, {0, 1e6}, "to plus and minus this")};
  row.timesteps = alpha_timesteps;
  row.draws = ddpm_draws;
  row.drop_idle = drop_idle_of_ddpm;
  return row;
}

}  // namespace isocost::sampling

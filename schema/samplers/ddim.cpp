#include "schema/samplers/bounds.h"
#include "schema/samplers/sampler.h"
#include "schema/samplers/schedule.h"

namespace isocost::sampling {
namespace {

// Whether the last update goes below timestep 0, where set_alpha_to_one decides.
bool lands_past_the_chain(const SamplerConfig& config) {
  const int stride = config.num_train_timesteps / config.steps;
  return alpha_timesteps(config).back() < stride;
}

std::size_t ddim_draws(const SamplerConfig& config) {
  return config.number("eta") > 0 ? alpha_timesteps(config).size() : 0;
}

void drop_idle_of_ddim(const SamplerConfig& config, Json& key) {
  drop_idle_bounds(config, key);
  if (!lands_past_the_chain(config)) key.erase("set_alpha_to_one");
}

}  // namespace

Sampler ddim_row() {
  Sampler row;
  row.name = "ddim";
  row.label = "DDIM";
  row.class_name = "DDIMScheduler";
  row.paper = "Song et al. 2021";
  row.default_spacing = "leading";
  row.options = {number("eta", 0, {0, 1}, "noise that a step adds; 0 is deterministic"),
                 flag("set_alpha_to_one", true, "the last update ends at alpha_bar 1")};
  for (auto& option : bound_options(Bounds::kThresholdingAndClipping))
    row.options.push_back(std::move(option));
  row.timesteps = alpha_timesteps;
  row.draws = ddim_draws;
  row.drop_idle = drop_idle_of_ddim;
  return row;
}

}  // namespace isocost::sampling

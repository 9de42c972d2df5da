#include <algorithm>

#include "schema/samplers/sampler.h"
#include "schema/samplers/schedule.h"

namespace isocost::sampling {
namespace {

struct EulerGrid {
  std::vector<double> timesteps;
  std::vector<double> sigmas;  // one more than timesteps
};

double single(double value) { return double(static_cast<float>(value)); }

// As DDIM's, except that linspace is not rounded.
std::vector<double> euler_spacing(const SamplerConfig& config) {
  if (config.timestep_spacing != "linspace") return alpha_timesteps(config);
  auto values = linspace_double(config.num_train_timesteps - 1, config.steps);
  std::reverse(values.begin(), values.end());
  return values;
}

EulerGrid euler_grid(const SamplerConfig& config) {
  const std::vector<float> table = sigmas_of(config);
  EulerGrid grid;
  for (const double t : euler_spacing(config)) {
    grid.timesteps.push_back(single(t));
    grid.sigmas.push_back(interpolate(grid.timesteps.back(), table));
  }
  if (config.flag("use_karras_sigmas")) {
    grid.sigmas = karras_sigmas(grid.sigmas.back(), grid.sigmas.front(), config.steps);
    for (std::size_t k = 0; k < grid.sigmas.size(); ++k)
      grid.timesteps[k] = single(timestep_of_sigma(grid.sigmas[k], table));
  }
  const bool ends_at_zero = config.text("final_sigmas_type") == "zero";
  grid.sigmas.push_back(ends_at_zero ? 0.0 : double(table.front()));
  for (double& sigma : grid.sigmas) sigma = single(sigma);
  return grid;
}

std::vector<double> euler_timesteps(const SamplerConfig& config) {
  return euler_grid(config).timesteps;
}
std::vector<double> euler_sigmas(const SamplerConfig& config) { return euler_grid(config).sigmas; }
std::size_t no_euler_draws(const SamplerConfig&) { return 0; }

void adopt_euler(Json& stored, const std::string& where, Failure& failure) {
  for (const char* option : {"use_exponential_sigmas", "use_beta_sigmas"}) {
    if (stored.value(option, Json()) == true)
      failure.add(where, std::string(option) + " is not built", "false");
  }
  if (const Json type = stored.value("timestep_type", Json("discrete")); type != "discrete")
    failure.add(where, "the timestep_type " + canonical(type) + " is not built", "discrete");
  if (const Json type = stored.value("interpolation_type", Json("linear")); type != "linear")
    failure.add(where, "the interpolation_type " + canonical(type) + " is not built", "linear");
  for (const char* bound : {"sigma_min", "sigma_max"}) {
    if (stored.value(bound, Json()).is_number())
      failure.add(where, std::string(bound) + " is not built", "null");
  }
}

// Karras sigmas run between the ends that the spacing has, and init_noise_sigma asks for the
// spacing: it keeps its effect with them.
void keep_spacing(const SamplerConfig& config, Json& key) {
  key["timestep_spacing"] = config.timestep_spacing;
  if (config.timestep_spacing == "leading") key["steps_offset"] = config.steps_offset;
}

}  // namespace

Sampler euler_row() {
  Sampler row;
  row.name = "euler";
  row.label = "Euler";
  row.class_name = "EulerDiscreteScheduler";
  row.paper = "Karras et al. 2022, algorithm 2 without churn";
  row.default_spacing = "linspace";
  row.options = {
      choice("final_sigmas_type", "zero", {"zero", "sigma_min"}, "where the last update ends"),
      flag("use_karras_sigmas", false, "timesteps where Karras et al. 2022 place them")};
  row.may_space_by_karras = true;
  row.floors_last_alpha = true;
  row.timesteps = euler_timesteps;
  row.sigmas = euler_sigmas;
  row.draws = no_euler_draws;
  row.adopt = adopt_euler;
  row.drop_idle = keep_spacing;
  return row;
}

}  // namespace isocost::sampling

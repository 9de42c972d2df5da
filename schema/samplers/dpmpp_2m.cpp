#include <algorithm>
#include <cmath>

#include "schema/samplers/bounds.h"
#include "schema/samplers/sampler.h"
#include "schema/samplers/schedule.h"

namespace isocost::sampling {
namespace {

constexpr int kFewSteps = 15;  // below, lower_order_final speaks

// Timesteps whose lambda = log(alpha / sigma) lies below lambda_min_clipped are left out.
int clipped_count(const SamplerConfig& config, const std::vector<float>& sigmas) {
  const double lowest = config.number("lambda_min_clipped");
  return static_cast<int>(std::count_if(sigmas.begin(), sigmas.end(), [&](float sigma) {
    const double alpha = 1 / std::sqrt(double(sigma) * double(sigma) + 1);
    return std::log(alpha) - std::log(double(sigma) * alpha) < lowest;
  }));
}

std::vector<double> spaced_timesteps(const SamplerConfig& config,
                                     const std::vector<float>& sigmas) {
  const int T = config.num_train_timesteps;
  const int N = config.steps;
  const int last = T - clipped_count(config, sigmas);
  std::vector<double> values;
  if (config.timestep_spacing == "trailing") return trailing(last, T, N);
  if (config.timestep_spacing == "linspace") {
    values = rounded_reversed(linspace_double(last - 1, N + 1));
    values.pop_back();
    return values;
  }
  const int stride = last / (N + 1);
  for (int k = N; k >= 1; --k) values.push_back(k * stride + config.steps_offset);
  return values;
}

struct Grid {
  std::vector<double> timesteps;
  std::vector<double> sigmas;  // one more than timesteps
};

Grid dpm_grid(const SamplerConfig& config) {
  const std::vector<float> sigmas = sigmas_of(config);
  Grid grid;
  if (config.flag("use_karras_sigmas")) {
    grid.sigmas = karras_sigmas(double(sigmas.front()), double(sigmas.back()), config.steps);
    for (const double sigma : grid.sigmas) {
      const double t = timestep_of_sigma(sigma, sigmas);
      // diffusers rounds, except that the cosine schedule's are cut to whole numbers.
      grid.timesteps.push_back(config.beta_schedule == "squaredcos_cap_v2" ? std::trunc(t)
                                                                           : round_even(t));
    }
  } else {
    grid.timesteps = spaced_timesteps(config, sigmas);
    for (const double t : grid.timesteps) grid.sigmas.push_back(interpolate(t, sigmas));
  }
  grid.sigmas.push_back(config.text("final_sigmas_type") == "zero" ? 0.0 : double(sigmas.front()));
  for (double& sigma : grid.sigmas) sigma = double(static_cast<float>(sigma));
  return grid;
}

std::vector<double> dpm_timesteps(const SamplerConfig& config) {
  return dpm_grid(config).timesteps;
}
std::vector<double> dpm_sigmas(const SamplerConfig& config) { return dpm_grid(config).sigmas; }
std::size_t no_draws(const SamplerConfig&) { return 0; }

void adopt_dpm(Json& stored, const std::string& where, Failure& failure) {
  const Json algorithm = stored.value("algorithm_type", Json("dpmsolver++"));
  // diffusers reads deis as dpmsolver++.
  if (algorithm.is_string() && algorithm != "dpmsolver++" && algorithm != "deis")
    failure.add(where, "the algorithm_type '" + algorithm.get<std::string>() + "' is not built",
                "dpmsolver++");
  for (const char* option :
       {"use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"}) {
    if (stored.value(option, Json()) == true)
      failure.add(where, std::string(option) + " is not built", "false");
  }
  const Json variance = stored.value("variance_type", Json());
  if (variance == "learned" || variance == "learned_range")
    failure.add(where, "a network that predicts its variance is not built", "variance_type null");
  // Bounds come from the scheduler of another class; they move Karras's ends.
  for (const char* bound : {"sigma_min", "sigma_max"}) {
    if (stored.value(bound, Json()).is_number() &&
        stored.value("use_karras_sigmas", Json()) == true)
      failure.add(where, std::string(bound) + " with use_karras_sigmas is not built", "null");
  }
  // DPMSolverMultistepScheduler takes the types of DEIS and UniPC for midpoint.
  const Json type = stored.value("solver_type", Json());
  if (type == "logrho" || type == "bh1" || type == "bh2") stored["solver_type"] = "midpoint";
}

// Both switches say one thing: whether the last update is of the first order, which it is anyway
// where the last sigma is zero. lower_order_final speaks only of few steps.
void drop_idle_orders(const SamplerConfig& config, Json& key) {
  key.erase("euler_at_final");
  key.erase("lower_order_final");
  if (config.number("solver_order") < 2) {
    key.erase("solver_type");
    return;
  }
  if (config.text("final_sigmas_type") == "zero") return;
  const bool is_few = config.steps < kFewSteps;
  const bool is_first_order =
      config.flag("euler_at_final") || (config.flag("lower_order_final") && is_few);
  key["euler_at_final"] = is_first_order;
  if (is_few) key["lower_order_final"] = is_first_order;
}

void drop_idle_of_dpm(const SamplerConfig& config, Json& key) {
  drop_idle_orders(config, key);
  drop_idle_bounds(config, key);
  const bool is_karras = config.flag("use_karras_sigmas");
  if (is_karras || !std::isfinite(config.number("lambda_min_clipped")))
    key.erase("lambda_min_clipped");
}

}  // namespace

Sampler dpmpp_2m_row() {
  Sampler row;
  row.name = "dpmpp-2m";
  row.label = "DPM-Solver++";
  row.class_name = "DPMSolverMultistepScheduler";
  row.paper = "Lu et al. 2022";
  row.default_spacing = "linspace";
  Option lowest = number("lambda_min_clipped", 0, {-1000, 1000},
                         "timesteps whose log signal-to-noise ratio is lower are left out");
  lowest.fallback = "-Infinity";
  row.options = {
      whole("solver_order", 2, {1, 2}, "order of the solver"),
      choice("solver_type", "midpoint", {"midpoint", "heun"}, "form of its second order"),
      choice("final_sigmas_type", "zero", {"zero", "sigma_min"}, "where the last update ends"),
      flag("lower_order_final", true, "below 15 steps the last update is of first order"),
      flag("euler_at_final", false, "the last update is of first order"),
      flag("use_karras_sigmas", false, "timesteps where Karras et al. 2022 place them"),
      lowest};
  for (auto& option : bound_options(Bounds::kThresholding))
    row.options.push_back(std::move(option));
  row.may_space_by_karras = true;
  row.floors_last_alpha = true;
  row.timesteps = dpm_timesteps;
  row.sigmas = dpm_sigmas;
  row.draws = no_draws;
  row.adopt = adopt_dpm;
  row.drop_idle = drop_idle_of_dpm;
  return row;
}

}  // namespace isocost::sampling

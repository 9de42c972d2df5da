// Samplers as data, without LibTorch: from a scheduler's config.json and a user's choice to a
// resolved sampler, its noise schedule and the list of its network calls. `isocost plan` counts
// calls with it; the engine's solvers run on it.
//
// Names follow diffusers (docs of diffusers schedulers, commit 58eb52c0). Pure, any thread.
#pragma once

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "schema/json.h"
#include "schema/result.h"

namespace isocost::sampling {

// Resolved: every member has its value, whatever the config left out.
struct SamplerConfig {
  std::string sampler = "ddim";  // ddim, ddpm, dpmpp-2m
  int steps = 50;                // as the user asked for
  // --- the training schedule
  int num_train_timesteps = 1000;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  std::string beta_schedule = "scaled_linear";  // linear, scaled_linear, squaredcos_cap_v2
  std::vector<double> trained_betas;            // empty: from the schedule
  std::string prediction_type = "epsilon";      // epsilon, v_prediction, sample
  bool rescale_betas_zero_snr = false;
  // --- the discretisation
  std::string timestep_spacing = "leading";  // leading, trailing, linspace
  int steps_offset = 0;
  bool use_karras_sigmas = false;          // dpmpp-2m
  std::string final_sigmas_type = "zero";  // dpmpp-2m: zero, sigma_min
  // --- the update
  double eta = 0;                // ddim
  bool set_alpha_to_one = true;  // ddim
  bool clip_sample = false;
  double clip_sample_range = 1.0;
  bool thresholding = false;  // dynamic thresholding of x0
  double dynamic_thresholding_ratio = 0.995;
  double sample_max_value = 1.0;
  std::string variance_type =
      "fixed_small";     // ddpm: fixed_small, fixed_small_log, fixed_large, fixed_large_log
  int solver_order = 2;  // dpmpp-2m: 1, 2
  std::string solver_type = "midpoint";  // dpmpp-2m: midpoint, heun
  bool lower_order_final = true;         // dpmpp-2m
  bool euler_at_final = false;           // dpmpp-2m
  double lambda_min_clipped = -std::numeric_limits<double>::infinity();
  bool operator==(const SamplerConfig&) const = default;
};

// The JSON of SampleSpec.sampler: only members with an effect for this sampler, so equal pixels
// mean equal keys.
[[nodiscard]] Json to_json(const SamplerConfig& config);
[[nodiscard]] Result<SamplerConfig> sampler_config_from_json(const Json& json,
                                                             const std::string& where);

// A diffusers scheduler_config.json (any scheduler's: from_config's rules of what carries over, and
// the defaults of the class that is chosen, as diffusers has them) and a choice: {"sampler",
// "steps", "timestep_spacing"?, "eta"?, "use_karras_sigmas"?, ...}; a choice's member wins.
// `sampler` names: see sampler_names(). Fails with: unknown sampler or option, an option without
// effect for the sampler, steps out of range, combinations that are undefined (zero-SNR with
// epsilon; leading with an offset that reaches past the last timestep).
[[nodiscard]] Result<SamplerConfig> resolve(const Json& scheduler_config, const Json& choice,
                                            const std::string& where);
// The same with a place for each kind of fault.
struct FaultPlaces {
  std::string choice;    // of what was chosen
  std::string stored;    // of what the scheduler's file says
  std::string together;  // of what the two bring about together
};
[[nodiscard]] Result<SamplerConfig> resolve(const Json& scheduler_config, const Json& choice,
                                            const FaultPlaces& places);
// The same for a config that says its own class ("_class_name": "DDIMScheduler"), as verify's
// expected.json does.
[[nodiscard]] Result<SamplerConfig> resolve_class(const std::string& class_name, const Json& config,
                                                  int steps, double eta, const std::string& where);
[[nodiscard]] const std::vector<std::string>& sampler_names();
// What a choice may set for a sampler besides "sampler" and "steps"; none of an unknown one.
[[nodiscard]] const std::set<std::string>& option_names(const std::string& sampler);

// alphas_cumprod in float32, the operations in PyTorch's order (2.1), num_train_timesteps long.
[[nodiscard]] std::vector<float> alphas_cumprod(const SamplerConfig& config);

// sigma(t) = sqrt((1 - alphas_cumprod) / alphas_cumprod) at every call, and the final one behind
// them: what DPM-Solver++ steps between (dpmpp-2m). steps + 1 values, each a float32.
[[nodiscard]] std::vector<double> dpm_sigmas(const SamplerConfig& config);

// The timestep of every network call, in order.
[[nodiscard]] std::vector<double> call_timesteps(const SamplerConfig& config);
[[nodiscard]] inline std::size_t call_count(const SamplerConfig& config) {
  return call_timesteps(config).size();
}

}  // namespace isocost::sampling

// A sampler with everything that it depends on, resolved: every member has its value, whatever a
// configuration left out. Names follow diffusers (docs of diffusers schedulers, commit 58eb52c0).
// Pure values, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace isocost::sampling {

struct SamplerConfig {
  std::string sampler;
  int steps = 50;  // as the user asked for
  // --- the training schedule
  int num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  std::string beta_schedule = "linear";
  std::vector<double> trained_betas;  // empty: from the schedule
  std::string prediction_type = "epsilon";
  bool rescale_betas_zero_snr = false;
  // --- the discretisation
  std::string timestep_spacing = "leading";
  int steps_offset = 0;
  // --- what only this sampler has: every option of its row by name, with its value
  Json own = Json::object();

  // Options of its own. Requires: the sampler's row has an option of this name and kind.
  [[nodiscard]] bool flag(const char* name) const;
  [[nodiscard]] double number(const char* name) const;
  [[nodiscard]] const std::string& text(const char* name) const;

  bool operator==(const SamplerConfig&) const = default;
};

}  // namespace isocost::sampling

#include "base/check.h"
#include "schema/samplers/sampler.h"

namespace isocost::sampling {

#define ISOCOST_ROW(name) Sampler name##_row();
#include "schema/samplers/rows.inc"
#undef ISOCOST_ROW

namespace {

constexpr double kTrainTimestepsMax = 100'000;

}  // namespace

const std::vector<Sampler>& samplers() {
#define ISOCOST_ROW(name) name##_row(),
  static const std::vector<Sampler> kRows = {
#include "schema/samplers/rows.inc"
  };
#undef ISOCOST_ROW
  return kRows;
}

const Sampler* find_sampler(std::string_view name) {
  for (const auto& row : samplers())
    if (row.name == name) return &row;
  return nullptr;
}

const Sampler& row_of(const SamplerConfig& config) {
  const auto* row = find_sampler(config.sampler);
  ISOCOST_CHECK(row != nullptr, "a resolved configuration names a sampler");
  return *row;
}

const std::vector<Option>& shared_options() {
  static const std::vector<Option> kOptions = {
      whole("num_train_timesteps", 1000, {2, kTrainTimestepsMax},
            "timesteps of the training schedule"),
      number("beta_start", 0.0001, {0, 1}, "the first beta"),
      number("beta_end", 0.02, {0, 1}, "the last beta"),
      choice("beta_schedule", "linear", {"linear", "scaled_linear", "squaredcos_cap_v2"},
             "how betas rise in between"),
      numbers("trained_betas", "the betas themselves"),
      choice("prediction_type", "epsilon", {"epsilon", "v_prediction", "sample"},
             "what the network predicts"),
      choice("timestep_spacing", "leading", {"leading", "trailing", "linspace"},
             "which timesteps are visited"),
      whole("steps_offset", 0, {0, 1000}, "added to the timesteps of leading spacing"),
      flag("rescale_betas_zero_snr", false, "the last timestep is noise alone"),
  };
  return kOptions;
}

bool SamplerConfig::flag(const char* name) const {
  ISOCOST_CHECK(own.contains(name) && own[name].is_boolean(), "the sampler has this switch");
  return own[name].get<bool>();
}

double SamplerConfig::number(const char* name) const {
  ISOCOST_CHECK(own.contains(name), "the sampler has this number");
  // JSON has no infinity: see parse_python_json.
  if (own[name] == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (own[name] == "Infinity") return std::numeric_limits<double>::infinity();
  ISOCOST_CHECK(own[name].is_number(), "the sampler has this number");
  return own[name].get<double>();
}

const std::string& SamplerConfig::text(const char* name) const {
  ISOCOST_CHECK(own.contains(name) && own[name].is_string(), "the sampler has this text");
  return own[name].get_ref<const std::string&>();
}

}  // namespace isocost::sampling

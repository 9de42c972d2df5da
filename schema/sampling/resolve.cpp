// From a scheduler's configuration and a choice to a SamplerConfig, by the rules of diffusers'
// from_config.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "schema/json_reader.h"
#include "schema/sampling/sampling.h"

namespace isocost::sampling {
namespace {

constexpr int kTrainTimestepsMax = 100'000;

// A sampler is one scheduler class of diffusers with its class defaults and the members that matter
// to it.
struct Family {
  std::string class_name;
  SamplerConfig defaults;
  std::set<std::string> members;  // besides the training schedule's
};

const std::set<std::string>& schedule_members() {
  static const std::set<std::string> kMembers = {"num_train_timesteps",
                                                 "beta_start",
                                                 "beta_end",
                                                 "beta_schedule",
                                                 "trained_betas",
                                                 "prediction_type",
                                                 "timestep_spacing",
                                                 "steps_offset",
                                                 "rescale_betas_zero_snr",
                                                 "thresholding",
                                                 "dynamic_thresholding_ratio",
                                                 "sample_max_value"};
  return kMembers;
}

SamplerConfig class_defaults(const std::string& sampler) {
  SamplerConfig config;
  config.sampler = sampler;
  config.beta_start = 0.0001;
  config.beta_end = 0.02;
  config.beta_schedule = "linear";
  config.clip_sample = sampler != "dpmpp-2m";
  config.timestep_spacing = sampler == "dpmpp-2m" ? "linspace" : "leading";
  return config;
}

const std::map<std::string, Family>& families() {
  static const std::map<std::string, Family> kFamilies = {
      {"ddim",
       {"DDIMScheduler",
        class_defaults("ddim"),
        {"eta", "set_alpha_to_one", "clip_sample", "clip_sample_range"}}},
      {"ddpm",
       {"DDPMScheduler",
        class_defaults("ddpm"),
        {"variance_type", "clip_sample", "clip_sample_range"}}},
      {"dpmpp-2m",
       {"DPMSolverMultistepScheduler",
        class_defaults("dpmpp-2m"),
        {"use_karras_sigmas", "final_sigmas_type", "solver_order", "solver_type",
         "lower_order_final", "euler_at_final", "lambda_min_clipped"}}},
  };
  return kFamilies;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Reads every member that is there into `config`; null means the default, as in diffusers.
void read_members(JsonReader& reader, SamplerConfig& config) {
  const auto take = [&](const std::string& key, auto& member) {
    using T = std::decay_t<decltype(member)>;
    if (reader.has(key) && !reader.raw(key).is_null()) member = reader.get<T>(key);
  };
  take("num_train_timesteps", config.num_train_timesteps);
  take("beta_start", config.beta_start);
  take("beta_end", config.beta_end);
  take("beta_schedule", config.beta_schedule);
  take("trained_betas", config.trained_betas);
  take("prediction_type", config.prediction_type);
  take("rescale_betas_zero_snr", config.rescale_betas_zero_snr);
  take("timestep_spacing", config.timestep_spacing);
  take("steps_offset", config.steps_offset);
  take("use_karras_sigmas", config.use_karras_sigmas);
  take("final_sigmas_type", config.final_sigmas_type);
  take("eta", config.eta);
  take("set_alpha_to_one", config.set_alpha_to_one);
  take("clip_sample", config.clip_sample);
  take("clip_sample_range", config.clip_sample_range);
  take("thresholding", config.thresholding);
  take("dynamic_thresholding_ratio", config.dynamic_thresholding_ratio);
  take("sample_max_value", config.sample_max_value);
  if (config.sampler == "ddpm") take("variance_type", config.variance_type);
  take("solver_order", config.solver_order);
  take("solver_type", config.solver_type);
  // DPMSolverMultistepScheduler takes the types of DEIS and UniPC for midpoint.
  if (const std::string& type = config.solver_type;
      type == "logrho" || type == "bh1" || type == "bh2")
    config.solver_type = "midpoint";
  take("lower_order_final", config.lower_order_final);
  take("euler_at_final", config.euler_at_final);
  if (reader.has("lambda_min_clipped") && !reader.raw("lambda_min_clipped").is_null())
    config.lambda_min_clipped = reader.number_or_infinity("lambda_min_clipped", 0);
}

// Where the faults of each member point.
class Places {
 public:
  // Of a configuration that is one: all to one place.
  explicit Places(const std::string& where) : places_{where, where, where} {}
  Places(const FaultPlaces& places, const Json& choice, const Json& stored)
      : places_(places), choice_(&choice), stored_(&stored) {}

  [[nodiscard]] const std::string& of(const char* member) const {
    const bool is_stored = choice_ != nullptr && !choice_->contains(member) &&
                           stored_->contains(member) && !stored_->at(member).is_null();
    return is_stored ? places_.stored : places_.choice;
  }
  [[nodiscard]] const std::string& together() const { return places_.together; }

 private:
  FaultPlaces places_;
  const Json* choice_ = nullptr;
  const Json* stored_ = nullptr;
};

void check_choice(Failure& failure, const std::string& where, const std::string& what,
                  const std::string& value, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    failure.add(where, "the " + what + " '" + value + "' is unknown or not built",
                "one of: " + joined(allowed));
  }
}

void check_training_schedule(const SamplerConfig& config, const Places& places, Failure& failure) {
  check_choice(failure, places.of("beta_schedule"), "beta_schedule", config.beta_schedule,
               {"linear", "scaled_linear", "squaredcos_cap_v2"});
  check_choice(failure, places.of("prediction_type"), "prediction_type", config.prediction_type,
               {"epsilon", "v_prediction", "sample"});
  if (config.num_train_timesteps < 2 || config.num_train_timesteps > kTrainTimestepsMax) {
    failure.add(places.of("num_train_timesteps"),
                "num_train_timesteps is " + std::to_string(config.num_train_timesteps),
                "2 to " + std::to_string(kTrainTimestepsMax));
  }
  const bool are_betas_sound = std::all_of(config.trained_betas.begin(), config.trained_betas.end(),
                                           [](double beta) { return beta > 0 && beta < 1; });
  if (!config.trained_betas.empty() &&
      (!are_betas_sound ||
       config.trained_betas.size() != static_cast<std::size_t>(config.num_train_timesteps))) {
    failure.add(places.of("trained_betas"),
                "trained_betas has " + std::to_string(config.trained_betas.size()) + " values",
                std::to_string(config.num_train_timesteps) +
                    " values between 0 and 1, one a training timestep");
  }
  if (!(config.beta_start > 0) || !(config.beta_end < 1) ||
      !(config.beta_start <= config.beta_end)) {
    failure.add(places.of("beta_end"), "beta_start and beta_end are no noise schedule",
                "0 < beta_start <= beta_end < 1");
  }
}

void check_update(const SamplerConfig& config, const Places& places, Failure& failure) {
  check_choice(failure, places.of("timestep_spacing"), "timestep_spacing", config.timestep_spacing,
               {"leading", "trailing", "linspace"});
  if (!(config.eta >= 0 && config.eta <= 1))
    failure.add(places.of("eta"), "eta is " + number_shown(config.eta), "0 to 1");
  if (config.thresholding &&
      !(config.dynamic_thresholding_ratio > 0 && config.dynamic_thresholding_ratio <= 1)) {
    failure.add(places.of("dynamic_thresholding_ratio"),
                "dynamic_thresholding_ratio is " + number_shown(config.dynamic_thresholding_ratio),
                "above 0, at most 1");
  }
  if (config.sampler == "ddpm") {
    check_choice(failure, places.of("variance_type"), "variance_type", config.variance_type,
                 {"fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"});
  }
  if (config.sampler == "dpmpp-2m") {
    check_choice(failure, places.of("solver_type"), "solver_type", config.solver_type,
                 {"midpoint", "heun"});
    check_choice(failure, places.of("final_sigmas_type"), "final_sigmas_type",
                 config.final_sigmas_type, {"zero", "sigma_min"});
    if (config.solver_order < 1 || config.solver_order > 2) {
      failure.add(places.of("solver_order"),
                  "solver_order " + std::to_string(config.solver_order) + " is not built",
                  "1 or 2");
    }
  }
  if (config.rescale_betas_zero_snr && config.prediction_type == "epsilon" &&
      config.sampler != "dpmpp-2m") {
    failure.add(places.of("rescale_betas_zero_snr"),
                "rescale_betas_zero_snr with epsilon prediction divides by zero at the first step",
                "v_prediction or sample");
  }
}

// Karras sigmas may round to one timestep; only where the first two agree diffusers starts at the
// second, and runs out of sigmas.
std::vector<double>::const_iterator past_distinct(const SamplerConfig& config,
                                                  const std::vector<double>& timesteps) {
  const std::size_t count =
      config.use_karras_sigmas ? std::min<std::size_t>(timesteps.size(), 2) : timesteps.size();
  return timesteps.begin() + static_cast<std::ptrdiff_t>(count);
}

// "karras spacing on the schedule squaredcos_cap_v2", which is a cosine's.
std::string spacing_of(const SamplerConfig& config) {
  const std::string spacing = config.use_karras_sigmas ? "karras" : config.timestep_spacing;
  const bool is_cosine =
      config.trained_betas.empty() && config.beta_schedule == "squaredcos_cap_v2";
  return spacing + " spacing" + (is_cosine ? " on a cosine schedule (squaredcos_cap_v2)" : "");
}

void check_timesteps(const SamplerConfig& config, const Places& places, Failure& failure) {
  const std::string& where = places.together();
  const std::vector<double> timesteps = call_timesteps(config);
  const std::string steps = std::to_string(config.steps) + " steps with " + spacing_of(config);
  if (timesteps.empty()) {
    failure.add(where, "lambda_min_clipped leaves no timestep", "a lower limit");
  } else if (timesteps.size() > static_cast<std::size_t>(config.steps)) {
    failure.add(
        where,
        steps + " give " + std::to_string(timesteps.size()) +
            " timesteps by the rounding of the reference implementation, the last of them -1",
        "a neighbouring number of steps");
  } else if (timesteps.front() > config.num_train_timesteps - 1 || timesteps.back() < 0) {
    failure.add(where, steps + " reach timestep " + number_shown(timesteps.front()),
                "at most " + std::to_string(config.num_train_timesteps - 1));
  } else if (std::adjacent_find(timesteps.begin(), past_distinct(config, timesteps),
                                std::less_equal<>()) != past_distinct(config, timesteps)) {
    failure.add(where, steps + " visit a timestep twice", "fewer steps");
  }
}

Result<SamplerConfig> checked(SamplerConfig config, const Places& places) {
  Failure failure;
  if (config.steps < 1 || config.steps > config.num_train_timesteps) {
    failure.add(places.together(), "steps is " + std::to_string(config.steps),
                "1 to " + std::to_string(config.num_train_timesteps));
  }
  check_training_schedule(config, places, failure);
  check_update(config, places, failure);
  if (failure.is_empty()) check_timesteps(config, places, failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  return config;
}

// Options of a stored scheduler that this family cannot honour.
void check_unsupported(const Json& config, const std::string& sampler, const std::string& where,
                       Failure& failure) {
  if (sampler != "dpmpp-2m") return;
  const std::string algorithm =
      config.contains("algorithm_type") && config["algorithm_type"].is_string()
          ? config["algorithm_type"].get<std::string>()
          : "dpmsolver++";
  if (algorithm != "dpmsolver++" && algorithm != "deis") {  // diffusers reads deis as dpmsolver++
    failure.add(where, "the algorithm_type '" + algorithm + "' is not built", "dpmsolver++");
  }
  for (const char* option :
       {"use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"}) {
    if (config.contains(option) && config[option] == true)
      failure.add(where, std::string(option) + " is not built", "false");
  }
  const Json variance = config.value("variance_type", Json());
  if (variance == "learned" || variance == "learned_range")
    failure.add(where, "a network that predicts its variance is not built", "variance_type null");
  // Bounds come from the scheduler of another class; they move Karras's ends.
  for (const char* bound : {"sigma_min", "sigma_max"}) {
    if (config.contains(bound) && config[bound].is_number() &&
        config.value("use_karras_sigmas", Json()) == true)
      failure.add(where, std::string(bound) + " with use_karras_sigmas is not built", "null");
  }
}

Json with_members(const Json& config, const Family& family) {
  Json kept = Json::object();
  for (const auto& [key, value] : config.items()) {
    if (schedule_members().contains(key) || family.members.contains(key)) kept[key] = value;
  }
  return kept;
}

// Both switches say one thing: whether the last update is of the first order, which it is anyway
// where the last sigma is zero. lower_order_final speaks only below 15 steps.
void write_final_order(const SamplerConfig& config, Json& json) {
  if (config.final_sigmas_type == "zero") return;
  const bool is_few = config.steps < 15;
  const bool is_first_order = config.euler_at_final || (config.lower_order_final && is_few);
  json["euler_at_final"] = is_first_order;
  if (is_few) json["lower_order_final"] = is_first_order;
}

// Whether DDIM's last update goes below timestep 0, where set_alpha_to_one decides.
bool lands_past_the_chain(const SamplerConfig& config) {
  const int stride = config.num_train_timesteps / config.steps;
  return call_timesteps(config).back() < stride;
}

}  // namespace

const std::vector<std::string>& sampler_names() {
  static const std::vector<std::string> kNames = {"ddim", "ddpm", "dpmpp-2m"};
  return kNames;
}

const std::set<std::string>& option_names(const std::string& sampler) {
  static const std::map<std::string, std::set<std::string>> kOptions = [] {
    std::map<std::string, std::set<std::string>> options;
    for (const auto& [name, family] : families()) {
      options[name] = schedule_members();
      options[name].insert(family.members.begin(), family.members.end());
    }
    return options;
  }();
  static const std::set<std::string> kNone;
  const auto found = kOptions.find(sampler);
  return found == kOptions.end() ? kNone : found->second;
}

Json to_json(const SamplerConfig& config) {
  Json json = {{"sampler", config.sampler},
               {"steps", config.steps},
               {"num_train_timesteps", config.num_train_timesteps},
               {"prediction_type", config.prediction_type},
               {"rescale_betas_zero_snr", config.rescale_betas_zero_snr},
               {"thresholding", config.thresholding}};
  if (config.trained_betas.empty()) {
    json["beta_schedule"] = config.beta_schedule;
    if (config.beta_schedule != "squaredcos_cap_v2") {
      json["beta_start"] = config.beta_start;
      json["beta_end"] = config.beta_end;
    }
  } else {
    json["trained_betas"] = config.trained_betas;
  }
  if (config.thresholding) {
    json["sample_max_value"] = config.sample_max_value;
    // A threshold is at least 1, so a largest value of 1 leaves the ratio nothing to decide.
    if (config.sample_max_value > 1)
      json["dynamic_thresholding_ratio"] = config.dynamic_thresholding_ratio;
  }
  if (!config.use_karras_sigmas) {
    json["timestep_spacing"] = config.timestep_spacing;
    if (config.timestep_spacing == "leading") json["steps_offset"] = config.steps_offset;
  }
  if (config.sampler == "dpmpp-2m") {
    json["use_karras_sigmas"] = config.use_karras_sigmas;
    json["final_sigmas_type"] = config.final_sigmas_type;
    json["solver_order"] = config.solver_order;
    if (config.solver_order > 1) {
      json["solver_type"] = config.solver_type;
      write_final_order(config, json);
    }
    if (!config.use_karras_sigmas && std::isfinite(config.lambda_min_clipped))
      json["lambda_min_clipped"] = config.lambda_min_clipped;
    return json;
  }
  if (!config.thresholding) {
    json["clip_sample"] = config.clip_sample;
    if (config.clip_sample) json["clip_sample_range"] = config.clip_sample_range;
  }
  if (config.sampler == "ddim") {
    json["eta"] = config.eta;
    if (lands_past_the_chain(config)) json["set_alpha_to_one"] = config.set_alpha_to_one;
  } else {
    json["variance_type"] = config.variance_type;
  }
  return json;
}

Result<SamplerConfig> sampler_config_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  const auto sampler = reader.get<std::string>("sampler");
  if (!families().contains(sampler)) {
    reader.fault("sampler", "'" + sampler + "' is unknown", "one of: " + joined(sampler_names()));
    return fail(reader.take());
  }
  SamplerConfig config = families().at(sampler).defaults;
  config.steps = reader.get<int>("steps");
  read_members(reader, config);
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return checked(std::move(config), Places(where));
}

Result<SamplerConfig> resolve(const Json& scheduler_config, const Json& choice,
                              const std::string& where) {
  return resolve(scheduler_config, choice,
                 FaultPlaces{where, where + " (scheduler_config.json)", where});
}

Result<SamplerConfig> resolve(const Json& scheduler_config, const Json& choice,
                              const FaultPlaces& places) {
  const std::string& where = places.choice;
  if (!scheduler_config.is_object() || !choice.is_object()) {
    return fail(where, "the scheduler's configuration or the choice is no object", "objects");
  }
  const std::string sampler = choice.contains("sampler") && choice["sampler"].is_string()
                                  ? choice["sampler"].get<std::string>()
                                  : std::string();
  if (!families().contains(sampler)) {
    return fail(where, "the sampler '" + sampler + "' is unknown",
                "one of: " + joined(sampler_names()));
  }
  const Family& family = families().at(sampler);
  Failure failure;
  for (const auto& [key, value] : choice.items()) {
    if (key != "sampler" && key != "steps" && !option_names(sampler).contains(key))
      failure.add(where, "the option '" + key + "' has no effect on " + sampler,
                  "none, or an option of " + sampler);
  }
  // What a Stable Diffusion pipeline does to the scheduler that it is loaded with: steps_offset
  // becomes 1 and clip_sample false, whatever the file says; a user who swaps schedulers swaps them
  // after that.
  Json stored = with_members(scheduler_config, family);
  stored["steps_offset"] = 1;
  if (family.members.contains("clip_sample")) stored["clip_sample"] = false;
  check_unsupported(scheduler_config, sampler, places.stored, failure);

  SamplerConfig config = family.defaults;
  JsonReader stored_reader(stored, places.stored);
  read_members(stored_reader, config);
  if (!stored_reader.ok()) failure.add(stored_reader.take());
  JsonReader reader(choice, where);
  config.steps = reader.get<int>("steps");
  read_members(reader, config);
  if (!reader.ok()) failure.add(reader.take());
  if (!failure.is_empty()) return fail(std::move(failure));
  return checked(std::move(config), Places(places, choice, stored));
}

Result<SamplerConfig> resolve_class(const std::string& class_name, const Json& config, int steps,
                                    double eta, const std::string& where) {
  for (const auto& [sampler, family] : families()) {
    if (family.class_name != class_name) continue;
    if (!config.is_object()) return fail(where, "this is no object", "a scheduler's configuration");
    Failure failure;
    check_unsupported(config, sampler, where, failure);
    SamplerConfig resolved = family.defaults;
    const Json known = with_members(config, family);
    JsonReader reader(known, where);
    read_members(reader, resolved);
    if (!reader.ok()) failure.add(reader.take());
    if (!failure.is_empty()) return fail(std::move(failure));
    resolved.steps = steps;
    if (sampler == "ddim") resolved.eta = eta;
    return checked(std::move(resolved), Places(where));
  }
  return fail(where, "the scheduler " + class_name + " is not built",
              "DDIMScheduler, DDPMScheduler or DPMSolverMultistepScheduler");
}

}  // namespace isocost::sampling

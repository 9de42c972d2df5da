#include "schema/samplers/resolve.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/check.h"
#include "base/json_reader.h"
#include "schema/samplers/schedule.h"

namespace isocost::sampling {
namespace {

// The class's defaults.
SamplerConfig defaults_of(const Sampler& row) {
  SamplerConfig config;
  config.sampler = row.name;
  config.timestep_spacing = row.default_spacing;
  config.own = isocost::defaults_of(row.options);
  return config;
}

// Requires: the value fits the option.
void set_shared(SamplerConfig& config, const std::string& name, const Json& value) {
  if (name == "num_train_timesteps") value.get_to(config.num_train_timesteps);
  if (name == "beta_start") value.get_to(config.beta_start);
  if (name == "beta_end") value.get_to(config.beta_end);
  if (name == "beta_schedule") value.get_to(config.beta_schedule);
  if (name == "trained_betas") value.get_to(config.trained_betas);
  if (name == "prediction_type") value.get_to(config.prediction_type);
  if (name == "timestep_spacing") value.get_to(config.timestep_spacing);
  if (name == "steps_offset") value.get_to(config.steps_offset);
  if (name == "rescale_betas_zero_snr") value.get_to(config.rescale_betas_zero_snr);
}

// A value that an infinite default allows besides its numbers.
bool is_same_infinity(const Option& option, const Json& value) {
  return option.fallback.is_string() && option.kind == Option::Kind::kNumber &&
         option.fallback == value;
}

// Every member of `json` that the sampler has; null means the default, as in diffusers.
void read_members(const Json& json, const Sampler& row, const std::string& where,
                  SamplerConfig& config, Failure& failure) {
  const auto read = [&](const Option& option, const std::function<void(const Json&)>& take) {
    const auto found = json.find(option.name);
    if (found == json.end() || found->is_null()) return;
    if (is_same_infinity(option, *found)) return take(*found);
    if (const auto expected = misfit(option, *found))
      failure.add(where, option.name + " is " + canonical(*found).substr(0, 60), *expected);
    else
      take(normal_form(option, *found));
  };
  for (const auto& option : shared_options())
    read(option, [&](const Json& value) { set_shared(config, option.name, value); });
  for (const auto& option : row.options)
    read(option, [&](const Json& value) { config.own[option.name] = value; });
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

void check_training_schedule(const SamplerConfig& config, const Places& places, Failure& failure) {
  const auto& betas = config.trained_betas;
  const bool are_sound =
      std::all_of(betas.begin(), betas.end(), [](double beta) { return beta > 0 && beta < 1; });
  if (!betas.empty() &&
      (!are_sound || betas.size() != static_cast<std::size_t>(config.num_train_timesteps))) {
    failure.add(places.of("trained_betas"),
                "trained_betas has " + std::to_string(betas.size()) + " values",
                std::to_string(config.num_train_timesteps) +
                    " values between 0 and 1, one a training timestep");
  }
  if (!(config.beta_start > 0) || !(config.beta_end < 1) ||
      !(config.beta_start <= config.beta_end)) {
    failure.add(places.of("beta_end"), "beta_start and beta_end are no noise schedule",
                "0 < beta_start <= beta_end < 1");
  }
  if (config.rescale_betas_zero_snr && config.prediction_type == "epsilon" &&
      !row_of(config).floors_last_alpha) {
    failure.add(places.of("rescale_betas_zero_snr"),
                "rescale_betas_zero_snr with epsilon prediction divides by zero at the first step",
                "v_prediction or sample");
  }
}

bool is_karras(const SamplerConfig& config) {
  return row_of(config).may_space_by_karras && config.flag("use_karras_sigmas");
}

// Karras sigmas may round to one timestep; only where the first two agree diffusers starts at the
// second, and runs out of sigmas.
std::vector<double>::const_iterator past_distinct(const SamplerConfig& config,
                                                  const std::vector<double>& timesteps) {
  const std::size_t count =
      is_karras(config) ? std::min<std::size_t>(timesteps.size(), 2) : timesteps.size();
  return timesteps.begin() + static_cast<std::ptrdiff_t>(count);
}

// "karras spacing on a cosine schedule (squaredcos_cap_v2)"
std::string spacing_of(const SamplerConfig& config) {
  const std::string spacing = is_karras(config) ? "karras" : config.timestep_spacing;
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

Result<SamplerConfig> checked(SamplerConfig config, const Places& places, Failure failure) {
  if (config.steps < 1 || config.steps > config.num_train_timesteps) {
    failure.add(places.together(), "steps is " + std::to_string(config.steps),
                "1 to " + std::to_string(config.num_train_timesteps));
  }
  if (failure.is_empty()) check_training_schedule(config, places, failure);
  if (const auto check = row_of(config).check; failure.is_empty() && check != nullptr)
    check(config, places.together(), failure);
  if (failure.is_empty()) check_timesteps(config, places, failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  return config;
}

// What the stored scheduler says once a pipeline was loaded with it. A scheduler that is exchanged
// takes over what the file says and not what its class had by default.
Json as_loaded(const StoredScheduler& stored, bool is_exchanged) {
  Json config = stored.config;
  const auto rewrite = [&](const char* name, Json value) {
    if (config.contains(name) || !is_exchanged) config[name] = std::move(value);
  };
  if (stored.rewrite.sets_offset) rewrite("steps_offset", 1);
  if (stored.rewrite.clears_clip) rewrite("clip_sample", false);
  return config;
}

// eta is an argument of each step, every other option one of the scheduler.
bool is_exchanged(const StoredScheduler& stored, const Sampler& row, const Json& choice) {
  if (stored.config.value("_class_name", Json()) != row.class_name) return true;
  return std::any_of(choice.items().begin(), choice.items().end(), [](const auto& item) {
    return item.key() != "sampler" && item.key() != "steps" && item.key() != "eta";
  });
}

int steps_of(const Json& choice, const std::string& where, Failure& failure) {
  JsonReader reader(choice, where);
  const int steps = reader.get<int>("steps");
  if (!reader.ok()) failure.add(reader.take());
  return steps;
}

const Sampler* chosen(const Json& choice) {
  const auto name = choice.find("sampler");
  if (name == choice.end() || !name->is_string()) return nullptr;
  return find_sampler(name->get_ref<const std::string&>());
}

std::string class_names() {
  std::vector<std::string> names;
  for (const auto& row : samplers()) names.push_back(row.class_name);
  return joined(names);
}

}  // namespace

Rewrite rewrite_of(std::string_view pipeline_class) {
  if (pipeline_class == "StableDiffusionPipeline" ||
      pipeline_class == "StableDiffusionImg2ImgPipeline")
    return {.sets_offset = true, .clears_clip = true};
  if (pipeline_class == "StableDiffusionInpaintPipeline")
    return {.sets_offset = true, .clears_clip = false};
  return {};
}

StoredScheduler stored_scheduler(const Json& config, std::string_view pipeline_class) {
  constexpr std::string_view kUsual = "StableDiffusionPipeline";
  return {config.is_object() ? config : Json::object(),
          rewrite_of(pipeline_class.empty() ? kUsual : pipeline_class)};
}

Json to_json(const SamplerConfig& config) {
  const Sampler& row = row_of(config);
  Json json = {{"sampler", config.sampler},
               {"steps", config.steps},
               {"num_train_timesteps", config.num_train_timesteps},
               {"prediction_type", config.prediction_type},
               {"rescale_betas_zero_snr", config.rescale_betas_zero_snr}};
  if (config.trained_betas.empty()) {
    json["beta_schedule"] = config.beta_schedule;
    if (config.beta_schedule != "squaredcos_cap_v2") {
      json["beta_start"] = config.beta_start;
      json["beta_end"] = config.beta_end;
    }
  } else {
    json["trained_betas"] = config.trained_betas;
  }
  if (!is_karras(config)) {
    json["timestep_spacing"] = config.timestep_spacing;
    if (config.timestep_spacing == "leading") json["steps_offset"] = config.steps_offset;
  }
  json.update(config.own);
  if (row.drop_idle != nullptr) row.drop_idle(config, json);
  return json;
}

Result<SamplerConfig> sampler_config_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) return fail(where, "this is no object", "a sampler with its options");
  const Sampler* row = chosen(json);
  if (row == nullptr)
    return fail(where, "the sampler is none that is known", "one of: " + joined(sampler_names()));
  Failure failure;
  for (const auto& [key, unused] : json.items()) {
    if (key != "sampler" && key != "steps" && option_of(row->name, key) == nullptr)
      failure.add(where, "the member '" + key + "' is unknown");
  }
  SamplerConfig config = defaults_of(*row);
  config.steps = steps_of(json, where, failure);
  read_members(json, *row, where, config, failure);
  return checked(std::move(config), Places(where), std::move(failure));
}

Result<SamplerConfig> resolve(const StoredScheduler& stored, const Json& choice,
                              const std::string& where) {
  return resolve(stored, choice, FaultPlaces{where, where + " (scheduler_config.json)", where});
}

Result<SamplerConfig> resolve(const StoredScheduler& stored, const Json& choice,
                              const FaultPlaces& places) {
  const std::string& where = places.choice;
  if (!stored.config.is_object() || !choice.is_object())
    return fail(where, "the scheduler's configuration or the choice is no object", "objects");
  const Sampler* row = chosen(choice);
  if (row == nullptr) {
    return fail(where, "the sampler " + choice.value("sampler", Json()).dump() + " is unknown",
                "one of: " + joined(sampler_names()));
  }
  Failure failure;
  for (const auto& [key, unused] : choice.items()) {
    if (key != "sampler" && key != "steps" && option_of(row->name, key) == nullptr)
      failure.add(where, "the option '" + key + "' has no effect on " + row->name,
                  "none, or an option of " + row->name);
  }
  Json loaded = as_loaded(stored, is_exchanged(stored, *row, choice));
  if (row->adopt != nullptr) row->adopt(loaded, places.stored, failure);
  SamplerConfig config = defaults_of(*row);
  read_members(loaded, *row, places.stored, config, failure);
  config.steps = steps_of(choice, where, failure);
  read_members(choice, *row, where, config, failure);
  return checked(std::move(config), Places(places, choice, loaded), std::move(failure));
}

Result<SamplerConfig> resolve_class(const std::string& class_name, const Json& config, int steps,
                                    double eta, const std::string& where) {
  for (const auto& row : samplers()) {
    if (row.class_name != class_name) continue;
    if (!config.is_object()) return fail(where, "the configuration is no object", "an object");
    Failure failure;
    Json stored = config;
    if (row.adopt != nullptr) row.adopt(stored, where, failure);
    SamplerConfig resolved = defaults_of(row);
    read_members(stored, row, where, resolved, failure);
    resolved.steps = steps;
    if (resolved.own.contains("eta")) resolved.own["eta"] = eta;
    return checked(std::move(resolved), Places(where), std::move(failure));
  }
  return fail(where, "the scheduler " + class_name + " is not built", "one of: " + class_names());
}

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  for (const auto& row : samplers()) names.push_back(row.name);
  return names;
}

const Option* option_of(std::string_view sampler, std::string_view option) {
  const Sampler* row = find_sampler(sampler);
  if (row == nullptr) return nullptr;
  const Option* own = find_option(row->options, option);
  return own != nullptr ? own : find_option(shared_options(), option);
}

std::vector<double> call_timesteps(const SamplerConfig& config) {
  return row_of(config).timesteps(config);
}

std::size_t call_count(const SamplerConfig& config) { return call_timesteps(config).size(); }

}  // namespace isocost::sampling

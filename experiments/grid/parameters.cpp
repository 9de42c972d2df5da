#include "experiments/grid/parameters.h"

#include <algorithm>
#include <map>
#include <vector>

#include "experiments/grid/yaml.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

std::string misfit_whole(const Json& value, std::int64_t least, std::int64_t most) {
  if (value.is_number_integer() && value.get<std::int64_t>() >= least &&
      value.get<std::int64_t>() <= most)
    return {};
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

std::string misfit_number(const Json& value, double least, double most) {
  if (value.is_number() && value.get<double>() >= least && value.get<double>() <= most) return {};
  return "a number from " + number_text(least) + " to " + number_text(most);
}

std::string misfit_choice(const Json& value, const std::vector<std::string>& allowed) {
  if (value.is_string() &&
      std::find(allowed.begin(), allowed.end(), value.get<std::string>()) != allowed.end())
    return {};
  return "one of: " + joined(allowed);
}

// Where two options depend on each other, sampling::resolve has the last word.
std::string misfit_option(const std::string& name, const Json& value) {
  for (const auto& row : sampling::samplers())
    if (const auto* option = sampling::option_of(row.name, name))
      return isocost::misfit(*option, value).value_or(std::string());
  return "an option of a sampler";
}

}  // namespace

const std::set<std::string>& options_left_out() {
  static const std::set<std::string> kNames = {"timestep_spacing", "use_karras_sigmas",
                                               "trained_betas"};
  return kNames;
}

std::vector<std::string> spacing_names() {
  auto names = find_option(sampling::shared_options(), "timestep_spacing")->choices;
  names.emplace_back("karras");
  return names;
}

const std::set<std::string>& usual_axes() {
  static const std::set<std::string> kAxes = {"model", "task",     "sampler", "timestep_spacing",
                                              "steps", "guidance", "seed"};
  return kAxes;
}

const std::set<std::string>& parameter_paths() {
  static const std::set<std::string> kPaths = [] {
    std::set<std::string> paths = usual_axes();
    paths.insert({"height", "width", "dtype", "negative_prompt", "group_size"});
    const auto add = [&](const std::vector<Option>& options) {
      for (const auto& option : options)
        if (!options_left_out().contains(option.name)) paths.insert("sampler." + option.name);
    };
    add(sampling::shared_options());
    for (const auto& row : sampling::samplers()) add(row.options);
    for (const auto& option : tasks::all_parameters()) paths.insert(option.name);
    return paths;
  }();
  return kPaths;
}

bool is_of_tasks(const std::string& path) {
  return find_option(tasks::all_parameters(), path) != nullptr;
}

std::string misfit(const std::string& path, const Json& value) {
  if (path.starts_with("sampler.")) return misfit_option(path.substr(8), value);
  if (const auto* option = find_option(tasks::all_parameters(), path))
    return isocost::misfit(*option, value).value_or(std::string());
  if (path == "sampler") return misfit_choice(value, sampling::sampler_names());
  if (path == "timestep_spacing") return misfit_choice(value, spacing_names());
  if (path == "dtype") return misfit_choice(value, {"float32", "bfloat16", "float16"});
  if (path == "steps") return misfit_whole(value, 1, 1000);
  if (path == "guidance") return misfit_number(value, 0, 1000);
  if (path == "seed") {
    const bool fits = value.is_number_integer() && value.get<std::int64_t>() >= 0;
    return fits ? std::string() : "a whole number from 0";
  }
  if (path == "height" || path == "width") return misfit_whole(value, 8, 8192);
  if (path == "group_size") return misfit_whole(value, 1, 4096);
  if (value.is_string() || (path == "model" && value.is_object())) return {};
  return path == "model" ? "a model folder" : path == "task" ? "the name of a task" : "a text";
}

}  // namespace isocost::experiments

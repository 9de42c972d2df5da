#include "experiments/grid/settings.h"

#include <algorithm>

#include "base/check.h"
#include "experiments/grid/parameters.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

constexpr std::string_view kOfSampler = "sampler.";

std::size_t task_number(const Grid& grid, const Json& value) {
  const auto& name = value.get_ref<const std::string&>();
  const auto found = std::find_if(grid.tasks.begin(), grid.tasks.end(),
                                  [&](const Task& task) { return task.name == name; });
  ISOCOST_CHECK(found != grid.tasks.end(), "the parser knows the names of the tasks");
  return static_cast<std::size_t>(found - grid.tasks.begin());
}

void set(Settings& settings, const Grid& grid, const std::string& path, const Placed& placed) {
  const Json& value = placed.value;
  if (path == "model")
    settings.model = &placed;
  else if (path == "sampler")
    settings.sampler = &placed;
  else if (path == "steps")
    settings.steps = &placed;
  else if (path == "timestep_spacing")
    settings.spacing = &placed;
  else if (path == "guidance")
    settings.guidance = value.get<double>();
  else if (path == "seed")
    settings.seed = value.get<std::uint64_t>();
  else if (path == "task")
    settings.task = task_number(grid, value);
  else if (path == "group_size")
    settings.group_size = value.get<int>();
  else if (path == "dtype")
    settings.dtype = value.get_ref<const std::string&>();
  else if (path == "negative_prompt")
    settings.negative_prompt = value.get_ref<const std::string&>();
  else if (path == "height" || path == "width") {
    (path == "height" ? settings.height : settings.width) = value.get<int>();
    settings.size_where = placed.where;
  } else if (is_of_tasks(path)) {
    if (!value.is_null()) settings.parameters[path] = &placed;
  } else {
    ISOCOST_CHECK(path.starts_with(kOfSampler), "the parser knows the paths of parameters");
    settings.options.emplace_back(path.substr(kOfSampler.size()), &placed);
  }
}

// What an axis or a default says goes to the tasks that have it; the parser lets nothing be said by
// an axis and by a task.
void set_parameters(Settings& settings, const Task& task) {
  for (const auto& [name, placed] : task.parameters) settings.parameters[name] = &placed;
  const auto* kind = tasks::find_task(task.kind);
  ISOCOST_CHECK(kind != nullptr, "a parsed task is of a kind of the table");
  std::erase_if(settings.parameters, [&](const auto& one) {
    return find_option(kind->parameters, one.first) == nullptr;
  });
}

// A default that this cell's sampler does not have is left out; one that no sampler has is told
// when all cells are known.
void set_defaults(Settings& settings, const Grid& grid) {
  const auto& sampler = settings.sampler->value.get_ref<const std::string&>();
  for (const Default& one : grid.defaults) {
    if (is_of_tasks(one.path)) {
      settings.parameters.emplace(one.path, &one.value);
      continue;
    }
    const std::string option = one.path.substr(kOfSampler.size());
    if (sampling::option_of(sampler, option) != nullptr)
      settings.options.emplace_back(option, &one.value);
  }
}

}  // namespace

Settings settings_at(const Grid& grid, const Points& points, std::size_t point) {
  Settings settings;
  settings.height = grid.height;
  settings.width = grid.width;
  settings.group_size = grid.group_size;
  settings.dtype = grid.dtype;
  settings.negative_prompt = grid.negative_prompt;
  for (std::size_t a = 0; a < grid.axes.size(); ++a)
    for (const std::string& path : grid.axes[a].paths)
      set(settings, grid, path, points.at(point, a));
  ISOCOST_CHECK(
      settings.model != nullptr && settings.sampler != nullptr && settings.steps != nullptr,
      "every grid has these axes");
  set_defaults(settings, grid);
  set_parameters(settings, grid.tasks[settings.task]);
  return settings;
}

}  // namespace isocost::experiments

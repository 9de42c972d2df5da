// Prompts, metrics and numbers of images: of the whole grid, or of each task that it names.
#include <algorithm>
#include <array>

#include "experiments/grid/parse_parts.h"
#include "schema/tasks/baseline.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

PromptSource read_prompts(YamlFile& file, const YAML::Node& node) {
  PromptSource source;
  source.where = file.where(node);
  if (node.IsSequence()) {
    source.kind = "list";
    for (const auto& item : node) source.texts.push_back(file.text(item, "a prompt"));
    if (source.texts.empty()) file.fault(node, "prompts is empty", "at least one prompt");
    return source;
  }
  if (!node.IsMap()) {
    file.fault(node, "prompts is no source of prompts",
               "{world: validation}, {file: prompts.jsonl}, or a list of texts");
    return source;
  }
  const Members members = file.members(node, {"world", "count", "seed", "file"}, "prompts");
  if (members.contains("world") == members.contains("file")) {
    file.fault(node, "prompts names no source, or two",
               "either world: validation, or file: prompts.jsonl, or a list");
  }
  if (members.contains("world")) {
    source.kind = "world";
    read_world(file, members, 1, source);
  } else if (members.contains("file")) {
    source.kind = "file";
    source.file = file.text(members.at("file"), "file");
    refuse_beside(file, members, "file", {"count", "seed"});
  }
  return source;
}

// The keys of a task where it has them, else the grid's.
struct Keys {
  const Members& own;
  const Members& grid;
  [[nodiscard]] const YAML::Node* find(const std::string& key) const {
    for (const Members* members : {&own, &grid})
      if (const auto found = members->find(key); found != members->end()) return &found->second;
    return nullptr;
  }
};

constexpr std::array kTaskKeys = {"prompts", "metrics", "images"};
constexpr std::array kSharedKeys = {"prompts", "metrics", "images", "judge_from", "baselines"};

// Requires: the keys that are there. What is missing is told by the caller.
void read_judging(YamlFile& file, const Keys& keys, Task& task) {
  if (const auto* node = keys.find("metrics")) task.metrics = read_metrics(file, *node);
  const YAML::Node* images = keys.find("images");
  const YAML::Node* judge_from = keys.find("judge_from");
  if (images != nullptr) task.images = file.whole(*images, "images", 1, kImagesMax);
  if (judge_from != nullptr) task.judge_from = file.whole(*judge_from, "judge_from", 0, kImagesMax);
  if (images != nullptr && judge_from != nullptr && task.judge_from >= task.images) {
    file.fault(*judge_from, "judge_from is " + std::to_string(task.judge_from),
               "less than images, " + std::to_string(task.images));
  }
}

// Of a task's own list each must fit; of the grid's, those that do stand beside it.
void read_baselines(YamlFile& file, const YAML::Node& node, bool is_own, Task& task) {
  const tasks::TaskKind& kind = *tasks::find_task(task.kind);
  if (!node.IsSequence()) {
    file.fault(node, "baselines is no list", "[" + joined(tasks::baselines_of(kind)) + "]");
    return;
  }
  std::vector<std::string> all;
  for (const auto& row : tasks::baselines()) all.push_back(row.name);
  const auto fitting = tasks::baselines_of(kind);
  std::set<std::string> seen;
  for (const auto& item : node) {
    const std::string name = file.choice(item, "baseline", is_own ? fitting : all);
    if (!seen.insert(name).second) file.fault(item, "'" + name + "' stands twice", "each once");
    if (std::find(fitting.begin(), fitting.end(), name) != fitting.end())
      task.baselines.push_back({name, file.where(item)});
  }
}

// A baseline of the grid's that fits none of its tasks changes nothing.
void check_shared_baselines(YamlFile& file, const YAML::Node& node, const Grid& grid) {
  if (!node.IsSequence()) return;
  for (const auto& item : node) {
    if (!item.IsScalar() || tasks::find_baseline(item.Scalar()) == nullptr) continue;
    const auto has = [&](const Task& task) {
      return std::any_of(task.baselines.begin(), task.baselines.end(),
                         [&](const Placed& one) { return one.value == item.Scalar(); });
    };
    if (std::none_of(grid.tasks.begin(), grid.tasks.end(), has))
      file.fault(item, "'" + item.Scalar() + "' fits no task that takes the grid's baselines",
                 "a baseline of one of: " +
                     joined(tasks::kinds_beside(*tasks::find_baseline(item.Scalar()))));
  }
}

std::set<std::string> named_task_keys() {
  std::set<std::string> keys = {"kind", "method", "model", "data", "factor", "degradation"};
  keys.insert(kSharedKeys.begin(), kSharedKeys.end());
  for (const Option& option : tasks::all_parameters()) keys.insert(option.name);
  return keys;
}

void read_named_task(YamlFile& file, const YAML::Node& key, const YAML::Node& node,
                     const Members& grid_keys, std::set<std::string>& used, Grid& grid) {
  Task task;
  task.name = key.Scalar();
  task.where = file.where(key);
  if (task.name.empty() || task.name.size() > 100)
    file.fault(key, "the name of a task does not fit", "1 to 100 characters");
  for (const Task& other : grid.tasks)
    if (other.name == task.name)
      file.fault(key, "the task '" + task.name + "' stands twice", "each once");
  const Members members = file.members(node, named_task_keys(), "the task '" + task.name + "'");
  const tasks::TaskKind& kind = read_method(file, key, members, task);
  const Keys keys{members, grid_keys};
  const bool is_of_prompts = tasks::is_of_prompts(kind);
  const auto is_its_own = [&](std::string_view shared) {  // prompts stand among its items
    return shared == "prompts" && !is_of_prompts;
  };
  if (node.IsMap()) {
    for (const char* needed : kTaskKeys) {
      if (!is_its_own(needed) && keys.find(needed) == nullptr)
        file.fault(key, "the task '" + task.name + "' has no " + needed,
                   std::string(needed) + " of its own, or of the whole grid");
    }
    read_items(file, key, members, kind, grid, task);
  }
  for (const char* shared : kSharedKeys)
    if (!is_its_own(shared) && !members.contains(shared)) used.insert(shared);
  if (const auto* prompts = keys.find("prompts"); is_of_prompts && prompts != nullptr)
    task.prompts = read_prompts(file, *prompts);
  read_judging(file, keys, task);
  if (const auto* baselines = keys.find("baselines"))
    read_baselines(file, *baselines, members.contains("baselines"), task);
  grid.tasks.push_back(std::move(task));
}

// An axis `task` chooses among the tasks; without one, all of them are.
void add_task_axis(YamlFile& file, Grid& grid) {
  std::vector<std::string> names;
  names.reserve(grid.tasks.size());
  for (const Task& task : grid.tasks) names.push_back(task.name);
  for (const Axis& axis : grid.axes) {
    if (axis.paths.empty() ||
        std::find(axis.paths.begin(), axis.paths.end(), "task") == axis.paths.end())
      continue;
    for (const Placed& value : axis.values) {
      if (value.value.is_string() &&
          std::find(names.begin(), names.end(), value.value.get<std::string>()) == names.end())
        file.failure().add(
            value.where, "unknown task " + value.value.dump(),
            names.empty() ? "a task that is described under 'tasks'" : "one of: " + joined(names));
    }
    return;
  }
  if (names.empty()) return;
  Axis axis{"task", {}, grid.tasks.front().where, {"task"}};
  for (const Task& task : grid.tasks) axis.values.push_back({task.name, task.where});
  grid.axes.push_back(std::move(axis));
}

}  // namespace

void refuse_beside(YamlFile& file, const Members& members, const std::string& kind,
                   const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (members.contains(key))
      file.fault(members.at(key), "'" + key + "' has no effect beside '" + kind + "'",
                 "'" + key + "' beside world alone");
  }
}

void read_tasks(YamlFile& file, const YAML::Node& root, const Members& members, Grid& grid) {
  if (!members.contains("tasks")) {
    for (const char* needed : kTaskKeys) {
      if (!members.contains(needed))
        file.fault(root, std::string("the key '") + needed + "' is missing");
    }
    add_task_axis(file, grid);
    Task& task = grid.tasks.emplace_back();
    task.kind = tasks::task_kinds().front().name;
    if (const auto prompts = members.find("prompts"); prompts != members.end())
      task.prompts = read_prompts(file, prompts->second);
    read_judging(file, {members, members}, task);
    if (const auto baselines = members.find("baselines"); baselines != members.end())
      read_baselines(file, baselines->second, true, task);
    return;
  }
  const YAML::Node& node = members.at("tasks");
  if (!node.IsMap() || node.size() == 0) {
    file.fault(node, "tasks names no task", "name: {prompts, metrics, images} lines");
    return;
  }
  std::set<std::string> used;
  for (const auto& pair : node) {
    if (pair.first.IsScalar())
      read_named_task(file, pair.first, pair.second, members, used, grid);
    else
      file.fault(pair.first, "the name of a task is no text", "a name");
  }
  for (const char* shared : kSharedKeys) {
    if (members.contains(shared) && !used.contains(shared))
      file.fault(members.at(shared), std::string("no task uses '") + shared + "' of the grid",
                 "a task without its own, or no such key here");
  }
  if (const auto shared = members.find("baselines");
      shared != members.end() && used.contains("baselines"))
    check_shared_baselines(file, shared->second, grid);
  add_task_axis(file, grid);
}

}  // namespace isocost::experiments

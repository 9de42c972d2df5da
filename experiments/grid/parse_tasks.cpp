// Prompts, metrics and numbers of images: of the whole grid, or of each task that it names.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

#include "experiments/grid/parse_parts.h"

namespace isocost::experiments {
namespace {

constexpr const char* kTextToImageAlone = "this version runs text-to-image only";
constexpr std::uint64_t kSeedMax = 1ULL << 62U;
constexpr std::int64_t kProtocolSeedMax = 1LL << 62;

// Keys that belong to one source of data and say nothing beside another.
void refuse_beside(YamlFile& file, const Members& members, const std::string& kind,
                   const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (members.contains(key))
      file.fault(members.at(key), "'" + key + "' has no effect beside '" + kind + "'",
                 "'" + key + "' beside world alone");
  }
}

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
    source.split = file.choice(members.at("world"), "split", {"train", "validation", "test"});
  } else if (members.contains("file")) {
    source.kind = "file";
    source.file = file.text(members.at("file"), "file");
    refuse_beside(file, members, "file", {"count", "seed"});
  }
  if (members.contains("count"))
    source.count = file.whole(members.at("count"), "count", 1, 1'000'000);
  if (members.contains("seed")) source.seed = file.whole(members.at("seed"), "seed", 0, kSeedMax);
  return source;
}

Reference read_reference(YamlFile& file, const YAML::Node& node) {
  Reference reference;
  reference.where = file.where(node);
  const Members members =
      file.members(node, {"world", "count", "seed", "folder", "npz"}, "reference");
  int kinds = 0;
  for (const char* kind : {"world", "folder", "npz"}) {
    if (!members.contains(kind)) continue;
    ++kinds;
    reference.kind = kind;
    if (reference.kind == "world")
      reference.split = file.choice(members.at(kind), "split", {"train", "validation", "test"});
    else
      reference.path = file.text(members.at(kind), kind);
  }
  if (node.IsMap() && kinds != 1) {
    file.fault(node, "reference names " + std::to_string(kinds) + " sources",
               "one of: world, folder, npz");
  }
  if (kinds == 1 && reference.kind != "world")
    refuse_beside(file, members, reference.kind, {"count", "seed"});
  if (members.contains("count"))
    reference.count = file.whole(members.at("count"), "count", 2, 1'000'000);
  if (members.contains("seed"))
    reference.seed = file.whole(members.at("seed"), "seed", 0, kSeedMax);
  return reference;
}

// What each metric's protocol may say: docs/metrics.md. What it does not say is written out in the
// score's spec, so that a score's key names the whole protocol.
struct Option {
  const char* expected;
  std::function<bool(const Json&)> fits;
  Json fallback;
};

const std::map<std::string, std::map<std::string, Option>>& protocols() {
  static const auto whole = [](std::int64_t least, std::int64_t most) {
    return [least, most](const Json& v) {
      return v.is_number_integer() && v.get<std::int64_t>() >= least &&
             v.get<std::int64_t>() <= most;
    };
  };
  static const std::map<std::string, std::map<std::string, Option>> kProtocols = {
      {"fid",
       {{"interval",
         {"auto, bootstrap, jackknife or none",
          [](const Json& v) {
            return v == "auto" || v == "bootstrap" || v == "jackknife" || v == "none";
          },
          "auto"}},
        {"replicates", {"a whole number from 20 to 10000", whole(20, 10'000), 200}},
        {"seed", {"a whole number from 0", whole(0, kProtocolSeedMax), 0}}}},
      {"kid",
       {{"subsets", {"a whole number from 0 to 1000", whole(0, 1000), 0}},
        {"subset_size", {"a whole number from 2", whole(2, 10'000'000), 1000}},
        {"seed", {"a whole number from 0", whole(0, kProtocolSeedMax), 0}}}},
      {"clip_score",
       {{"scale",
         {"a number above 0, at most 1000",
          [](const Json& v) { return v.is_number() && v > 0 && v <= 1000; }, 1.0}},
        {"floor_at_zero", {"true or false", [](const Json& v) { return v.is_boolean(); }, false}}}},
      {"attribute_accuracy",
       {{"reduce",
         {"mean or all", [](const Json& v) { return v == "mean" || v == "all"; }, "mean"}}}}};
  return kProtocols;
}

Json default_protocol(const std::string& metric) {
  Json protocol = Json::object();
  const auto options = protocols().find(metric);
  if (options == protocols().end()) return protocol;
  for (const auto& [name, option] : options->second) protocol[name] = option.fallback;
  return protocol;
}

Json read_protocol(YamlFile& file, const YAML::Node& node, const std::string& metric) {
  const auto options = protocols().find(metric);
  if (options == protocols().end()) return file.tree(node);
  std::set<std::string> known;
  for (const auto& [name, unused] : options->second) known.insert(name);
  Json protocol = default_protocol(metric);
  for (const auto& [name, value] : file.members(node, known, "the protocol of " + metric)) {
    protocol[name] = file.tree(value);
    const Option& option = options->second.at(name);
    if (!option.fits(protocol[name]))
      file.fault(value, "'" + name + "' of " + metric + " does not fit", option.expected);
    else if (option.fallback.is_number_float())
      protocol[name] = protocol[name].get<double>();  // 1 and 1.0 are one protocol
  }
  return protocol;
}

Metric read_metric(YamlFile& file, const YAML::Node& node) {
  static const std::vector<std::string> kNames = {"fid", "kid", "clip_score", "attribute_accuracy"};
  Metric metric;
  metric.where = file.where(node);
  if (node.IsScalar()) {
    metric.name = file.choice(node, "metric", kNames);
    metric.protocol = default_protocol(metric.name);
    return metric;
  }
  if (!node.IsMap() || node.size() != 1) {
    file.fault(node, "this is no metric", "a name, or name: {extractor, reference, protocol}");
    return metric;
  }
  const auto pair = *node.begin();
  metric.name = file.choice(pair.first, "metric", kNames);
  metric.protocol = default_protocol(metric.name);
  if (pair.second.IsNull()) return metric;
  const Members members =
      file.members(pair.second, {"extractor", "reference", "protocol"}, "a metric");
  if (members.contains("extractor"))
    metric.extractor = file.text(members.at("extractor"), "extractor");
  if (members.contains("reference"))
    metric.reference = read_reference(file, members.at("reference"));
  if (members.contains("protocol"))
    metric.protocol = read_protocol(file, members.at("protocol"), metric.name);
  return metric;
}

std::vector<Metric> read_metrics(YamlFile& file, const YAML::Node& node) {
  std::vector<Metric> metrics;
  if (!node.IsSequence()) {
    file.fault(node, "metrics is no list", "a list of metrics");
    return metrics;
  }
  if (node.size() == 0)
    file.fault(node, "metrics is empty: a study without a score compares nothing",
               "at least one of fid, kid, clip_score, attribute_accuracy");
  for (const auto& item : node) metrics.push_back(read_metric(file, item));
  return metrics;
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

// Requires: the keys that are there. What is missing is told by the caller.
Task read_task(YamlFile& file, const std::string& name, const Keys& keys) {
  Task task;
  task.name = name;
  if (const auto* node = keys.find("prompts")) task.prompts = read_prompts(file, *node);
  if (const auto* node = keys.find("metrics")) task.metrics = read_metrics(file, *node);
  const YAML::Node* images = keys.find("images");
  const YAML::Node* judge_from = keys.find("judge_from");
  if (images != nullptr) task.images = file.whole(*images, "images", 1, kImagesMax);
  if (judge_from != nullptr) task.judge_from = file.whole(*judge_from, "judge_from", 0, kImagesMax);
  if (images != nullptr && judge_from != nullptr && task.judge_from >= task.images) {
    file.fault(*judge_from, "judge_from is " + std::to_string(task.judge_from),
               "less than images, " + std::to_string(task.images));
  }
  return task;
}

void check_kind(YamlFile& file, const Members& members) {
  if (members.contains("kind")) {
    const std::string kind = file.text(members.at("kind"), "kind");
    if (kind == "super-resolution" || kind == "editing")
      file.fault(members.at("kind"), "the task '" + kind + "' is not built: " + kTextToImageAlone,
                 "text-to-image");
    else if (members.at("kind").IsScalar() && kind != "text-to-image")
      file.fault(members.at("kind"), "unknown kind of task '" + kind + "': " + kTextToImageAlone,
                 "text-to-image");
  }
  if (members.contains("data"))
    file.fault(members.at("data"),
               std::string("'data' are pictures that super-resolution and editing begin with: ") +
                   kTextToImageAlone,
               "prompts, and a reference of its metrics");
}

void read_named_task(YamlFile& file, const YAML::Node& key, const YAML::Node& node,
                     const Members& grid_keys, std::set<std::string>& used, Grid& grid) {
  const std::string& name = key.Scalar();
  if (name.empty() || name.size() > 100)
    file.fault(key, "the name of a task does not fit", "1 to 100 characters");
  for (const Task& other : grid.tasks)
    if (other.name == name) file.fault(key, "the task '" + name + "' stands twice", "each once");
  const Members members =
      file.members(node, {"kind", "data", "prompts", "metrics", "images", "judge_from"},
                   "the task '" + name + "'");
  check_kind(file, members);
  const Keys keys{members, grid_keys};
  if (node.IsMap()) {
    for (const char* needed : kTaskKeys) {
      if (keys.find(needed) == nullptr)
        file.fault(key, "the task '" + name + "' has no " + needed,
                   std::string(needed) + " of its own, or of the whole grid");
    }
  }
  for (const char* shared : {"prompts", "metrics", "images", "judge_from"})
    if (!members.contains(shared)) used.insert(shared);
  Task task = read_task(file, name, keys);
  task.where = file.where(key);
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

void read_tasks(YamlFile& file, const YAML::Node& root, const Members& members, Grid& grid) {
  if (!members.contains("tasks")) {
    for (const char* needed : kTaskKeys) {
      if (!members.contains(needed))
        file.fault(root, std::string("the key '") + needed + "' is missing");
    }
    add_task_axis(file, grid);
    grid.tasks.push_back(read_task(file, "", {members, members}));
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
  for (const char* shared : {"prompts", "metrics", "images", "judge_from"}) {
    if (members.contains(shared) && !used.contains(shared))
      file.fault(members.at(shared), std::string("no task uses '") + shared + "' of the grid",
                 "a task without its own, or no such key here");
  }
  add_task_axis(file, grid);
}

}  // namespace isocost::experiments

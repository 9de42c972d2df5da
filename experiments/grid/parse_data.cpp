// What a task begins with and does: its method, its items, how small pictures are made, and the
// parameters that it sets itself.
#include <algorithm>

#include "experiments/grid/parameters.h"
#include "experiments/grid/parse_parts.h"
#include "experiments/world/world.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

constexpr const char* kDataForms =
    "{folder: DIR}, {low: DIR, high: DIR}, or {world: validation, count: 1024}";

std::string read_path(YamlFile& file, const Members& members, const char* key) {
  const auto found = members.find(key);
  if (found == members.end()) return {};
  std::string path = file.text(found->second, key);
  if (path.empty() && found->second.IsScalar())
    file.fault(found->second, std::string("'") + key + "' is empty", "a folder");
  return path;
}

DataSource read_data(YamlFile& file, const YAML::Node& node) {
  DataSource data;
  data.where = file.where(node);
  if (!node.IsMap()) {
    file.fault(node, "data is no source of items", kDataForms);
    return data;
  }
  const Members members =
      file.members(node, {"world", "count", "seed", "folder", "low", "high", "fit"}, "data");
  const bool is_world = members.contains("world"), is_folder = members.contains("folder");
  const bool is_pair = members.contains("low") || members.contains("high");
  if (int{is_world} + int{is_folder} + int{is_pair} != 1)
    file.fault(node, "data names no source, or several", std::string("one of: ") + kDataForms);
  else if (is_pair && !(members.contains("low") && members.contains("high")))
    file.fault(node, "data has one of 'low' and 'high'", "both folders");
  else
    data.kind = is_world    ? DataSource::Kind::kWorld
                : is_folder ? DataSource::Kind::kFolder
                            : DataSource::Kind::kPairs;
  if (is_world) read_world(file, members, 1, data);
  if (!is_world) refuse_beside(file, members, is_folder ? "folder" : "low", {"count", "seed"});
  data.folder = read_path(file, members, "folder");
  data.low = read_path(file, members, "low");
  data.high = read_path(file, members, "high");
  if (members.contains("fit")) data.fit = file.choice(members.at("fit"), "fit", fit_names());
  if (is_pair && (data.fit == kFitResize || data.fit == kFitResizeCrop))
    file.fault(members.at("fit"),
               "pairs of pictures cannot be resized: one would not be the other's",
               std::string(kFitExact) + " or " + kFitCrop);
  return data;
}

// A name, or {NAME: {option: value}}.
Json read_degradation(YamlFile& file, const YAML::Node& node) {
  const bool is_map = node.IsMap() && node.size() == 1;
  const YAML::Node name_node = is_map ? node.begin()->first : node;
  const auto* row = find_degradation(file.choice(name_node, "degradation", degradation_names()));
  if (row == nullptr) return {};
  Json said = is_map ? file.tree(node.begin()->second) : Json::object();
  if (said.is_null()) said = Json::object();
  auto whole = completed(row->options, said, file.where(node) + ": " + row->name);
  if (!whole) {
    file.failure().add(whole.error());
    return {};
  }
  (*whole)["name"] = row->name;
  return std::move(*whole);
}

void read_shrinking(YamlFile& file, const YAML::Node& key, const Members& members,
                    const tasks::TaskKind& kind, Task& task) {
  const bool enlarges = kind.source_size != tasks::SourceSize::kPicture;
  for (const char* one : {"factor", "degradation"})
    if (members.contains(one) && !enlarges)
      file.fault(members.at(one), std::string("'") + one + "' has no effect in " + kind.name,
                 "it beside a task that enlarges pictures");
  if (!enlarges) return;
  if (members.contains("factor")) {
    task.factor = static_cast<int>(file.whole(members.at("factor"), "factor", 2, kFactorMax));
    task.factor_where = file.where(members.at("factor"));
  } else {
    file.fault(key, "the task '" + task.name + "' has no factor",
               "factor: 4, say: how many times as high and wide pictures become");
  }
  if (task.data && task.data->kind == DataSource::Kind::kPairs) {
    if (members.contains("degradation"))
      file.fault(members.at("degradation"), "'degradation' has no effect beside 'low'",
                 "small pictures that are there, or that are made of large ones");
    return;
  }
  task.degradation = Json{{"name", degradations().front().name}};
  if (members.contains("degradation"))
    task.degradation = read_degradation(file, members.at("degradation"));
}

// {model} or {name} must stand in it, and no other word in braces.
void read_model_pattern(YamlFile& file, const YAML::Node& node, Task& task) {
  task.model = file.text(node, "model");
  task.model_where = file.where(node);
  if (!node.IsScalar()) return;
  std::string rest = task.model;
  bool has_any = false;
  for (const char* word : {kModelWord, kNameWord}) {
    for (auto at = rest.find(word); at != std::string::npos; at = rest.find(word)) {
      rest.erase(at, std::string(word).size());
      has_any = true;
    }
  }
  if (!has_any || rest.find_first_of("{}") != std::string::npos)
    file.fault(node, "'" + task.model + "' is no pattern over the models of the grid",
               std::string(kModelWord) + " in it, what the axis says, or " + kNameWord +
                   ", its last folder: \"{model}-sr\"");
}

void read_parameters(YamlFile& file, const Members& members, const tasks::TaskKind& kind,
                     const Grid& grid, Task& task) {
  for (const Option& option : tasks::all_parameters()) {
    const auto found = members.find(option.name);
    if (found == members.end()) continue;
    const Placed placed{file.scalar(found->second), file.where(found->second)};
    if (find_option(kind.parameters, option.name) == nullptr) {
      const std::vector<std::string> own = option_names(kind.parameters);
      file.fault(found->second, "'" + option.name + "' is no parameter of " + kind.name,
                 own.empty() ? "no parameter: it has none" : "one of: " + joined(own));
      continue;
    }
    for (const Axis& axis : grid.axes)
      if (std::find(axis.paths.begin(), axis.paths.end(), option.name) != axis.paths.end())
        file.fault(found->second,
                   "'" + option.name + "' is set by the axis '" + axis.name + "' already",
                   "one of the two");
    if (const std::string expected = misfit(option.name, placed.value); !expected.empty())
      file.fault(found->second,
                 "'" + option.name + "' of the task '" + task.name + "' does not fit", expected);
    else
      task.parameters[option.name] = placed;
  }
}

}  // namespace

void read_world(YamlFile& file, const Members& members, std::uint64_t least, WorldSource& source) {
  constexpr std::uint64_t kWorldSeedMax = 1ULL << 62U;
  source.split = file.choice(members.at("world"), "split", world::split_names());
  if (members.contains("count"))
    source.count = file.whole(members.at("count"), "count", least, world::kScenesMax);
  if (members.contains("seed"))
    source.seed = file.whole(members.at("seed"), "seed", 0, kWorldSeedMax);
}

const tasks::TaskKind& read_method(YamlFile& file, const YAML::Node& key, const Members& members,
                                   Task& task) {
  const tasks::TaskKind& first = tasks::task_kinds().front();
  std::string kind = first.kind;
  if (members.contains("kind"))
    kind = file.choice(members.at("kind"), "kind of task", tasks::kind_names());
  const auto methods = tasks::methods_of(kind);
  const tasks::TaskKind* row = tasks::usual_method(kind);
  if (members.contains("method")) {
    const std::string method =
        methods.empty() ? std::string()
                        : file.choice(members.at("method"), "method of " + kind, methods);
    row = tasks::find_task(method);
  } else if (row == nullptr && !methods.empty()) {
    file.fault(key, "the task '" + task.name + "' is " + kind + " by no method",
               "method: one of " + joined(methods));
  }
  if (row == nullptr && !methods.empty()) row = tasks::find_task(methods.front());
  task.kind = row == nullptr ? first.name : row->name;
  return row == nullptr ? first : *row;
}

void read_items(YamlFile& file, const YAML::Node& key, const Members& members,
                const tasks::TaskKind& kind, const Grid& grid, Task& task) {
  const bool has_pictures = !tasks::is_of_prompts(kind);
  if (members.contains("data")) {
    if (has_pictures)
      task.data = read_data(file, members.at("data"));
    else
      file.fault(members.at("data"), kind.name + " begins with no pictures",
                 "prompts, and a reference of its metrics");
    if (has_pictures && members.contains("prompts"))
      file.fault(members.at("prompts"), "'prompts' has no effect beside 'data'",
                 "the prompts in metadata.jsonl, as '" +
                     std::string(tasks::slot_member(tasks::Slot::kPrompt,
                                                    {.is_instruction = kind.is_instruction})) +
                     "'");
  } else if (has_pictures) {
    file.fault(key, "the task '" + task.name + "' has no data", kDataForms);
  }
  if (task.data && task.data->kind == DataSource::Kind::kPairs &&
      kind.source_size == tasks::SourceSize::kPicture)
    file.fault(members.at("data"), kind.name + " enlarges no pictures", "{folder: DIR}");
  read_shrinking(file, key, members, kind, task);
  if (members.contains("model")) read_model_pattern(file, members.at("model"), task);
  read_parameters(file, members, kind, grid, task);
}

}  // namespace isocost::experiments

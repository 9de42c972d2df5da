// From YAML to a Grid: every key, every fault.
#include <algorithm>
#include <cmath>

#include "experiments/grid/grid.h"
#include "experiments/grid/yaml.h"
#include "schema/io/atomic_file.h"
#include "schema/sampling/sampling.h"

namespace isocost::experiments {
namespace {

using Members = std::map<std::string, YAML::Node>;

constexpr std::uint64_t kImagesMax = 10'000'000;
constexpr std::size_t kAxisValuesMax = 100'000;

const std::set<std::string>& grid_keys() {
  static const std::set<std::string> kKeys = {
      "name",   "axes",       "zip",         "exclude", "include",    "prompts", "metrics",
      "images", "judge_from", "unit_images", "keep",    "group_size", "dtype",   "negative_prompt",
      "height", "width",      "description"};
  return kKeys;
}

const std::set<std::string>& known_axes() {
  static const std::set<std::string> kAxes = {"model", "sampler",  "timestep_spacing",
                                              "steps", "guidance", "seed"};
  return kAxes;
}

std::vector<Json> range_values(YamlFile& file, const YAML::Node& node) {
  const Members members = file.members(node, {"from", "to", "step", "count", "log"}, "a range");
  const auto number = [&](const char* key) -> double {
    const Json value = file.scalar(members.at(key));
    if (value.is_number()) return value.get<double>();
    file.fault(members.at(key), std::string("'") + key + "' is no number", "a number");
    return 1;
  };
  if (!members.contains("from") || !members.contains("to") ||
      members.contains("step") == members.contains("count")) {
    file.fault(node, "this range is not complete", "from, to, and either step or count");
    return {};
  }
  const double from = number("from"), to = number("to");
  const bool is_log = members.contains("log") && file.scalar(members.at("log")) == true;
  const bool are_whole = from == std::floor(from) && to == std::floor(to);
  std::vector<double> values;
  if (members.contains("step")) {
    const double step = number("step");
    if (!(step > 0) || to < from || (to - from) / step > static_cast<double>(kAxisValuesMax)) {
      file.fault(node, "this range has no values or too many",
                 "from <= to, step above 0, at most 100000 values");
      return {};
    }
    for (int i = 0; from + i * step <= to + 1e-9 * step; ++i) values.push_back(from + i * step);
  } else {
    const auto count = file.whole(members.at("count"), "count", 1, kAxisValuesMax);
    if (is_log && !(from > 0 && to > 0)) {
      file.fault(node, "a log range reaches 0", "from and to above 0");
      return {};
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const double share = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
      const double value = is_log ? from * std::pow(to / from, share) : from + (to - from) * share;
      values.push_back(is_log && are_whole ? std::round(value) : value);
    }
    values.erase(std::unique(values.begin(), values.end()), values.end());
  }
  std::vector<Json> result;
  for (const double value : values) {
    if (value == std::floor(value) && std::fabs(value) < 1e15)
      result.emplace_back(static_cast<std::int64_t>(value));
    else
      result.emplace_back(value);
  }
  return result;
}

void check_value(YamlFile& file, const std::string& axis, const Placed& placed) {
  const Json& value = placed.value;
  const auto fault = [&](const std::string& expected) {
    file.failure().add(placed.where,
                       "the value " + value.dump() + " of axis '" + axis + "' does not fit",
                       expected);
  };
  if (axis == "steps" && (!value.is_number_integer() || value.get<std::int64_t>() < 1 ||
                          value.get<std::int64_t>() > 1000))
    fault("a whole number from 1 to 1000");
  if (axis == "guidance" &&
      (!value.is_number() || value.get<double>() < 0 || value.get<double>() > 1000))
    fault("a number from 0 to 1000");
  if (axis == "seed" && (!value.is_number_integer() || value.get<std::int64_t>() < 0))
    fault("a whole number from 0");
  if (axis == "model" && !value.is_string()) fault("a model folder");
  if (axis == "sampler") {
    const auto& names = sampling::sampler_names();
    if (!value.is_string() ||
        std::find(names.begin(), names.end(), value.get<std::string>()) == names.end()) {
      file.failure().add(placed.where, "unknown sampler " + value.dump(),
                         "one of: " + joined(names));
    }
  }
  if (axis == "timestep_spacing" && value != "leading" && value != "trailing" &&
      value != "linspace" && value != "karras")
    fault("leading, trailing, linspace or karras");
}

Axis read_axis(YamlFile& file, const std::string& name, const YAML::Node& node) {
  Axis axis{name, {}, file.where(node)};
  if (node.IsMap()) {
    for (const Json& value : range_values(file, node))
      axis.values.push_back({value, file.where(node)});
  } else if (node.IsSequence()) {
    for (const auto& item : node) {
      if (item.IsMap()) {
        for (const Json& value : range_values(file, item))
          axis.values.push_back({value, file.where(item)});
      } else {
        axis.values.push_back({file.scalar(item), file.where(item)});
      }
    }
    if (node.size() == 0)
      file.fault(node, "the axis '" + name + "' is empty", "at least one value");
  } else {
    axis.values.push_back({file.scalar(node), file.where(node)});
  }
  for (const Placed& value : axis.values) check_value(file, name, value);
  return axis;
}

void read_axes(YamlFile& file, const YAML::Node& node, Grid& grid) {
  if (!node.IsMap()) {
    file.fault(node, "axes is no map", "axis: values lines");
    return;
  }
  std::set<std::string> seen;
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) {
      file.fault(pair.first, "the name of an axis is no text", "a name");
      continue;
    }
    const std::string name = pair.first.Scalar();
    if (!known_axes().contains(name) && name.find('.') == std::string::npos) {
      const std::string near = nearest(name, known_axes());
      file.fault(pair.first, "unknown axis '" + name + "'",
                 near.empty() ? joined({known_axes().begin(), known_axes().end()}) +
                                    ", or a parameter's path such as sampler.eta"
                              : "'" + near + "'?");
      continue;
    }
    if (name.find('.') != std::string::npos && !name.starts_with("sampler.")) {
      file.fault(pair.first, "the path '" + name + "' leads nowhere",
                 "sampler.OPTION, for instance sampler.eta");
      continue;
    }
    if (!seen.insert(name).second)
      file.fault(pair.first, "the axis '" + name + "' stands twice", "each axis once");
    grid.axes.push_back(read_axis(file, name, pair.second));
  }
  for (const char* needed : {"model", "sampler", "steps"}) {
    if (!seen.contains(needed))
      file.fault(node, std::string("the axis '") + needed + "' is missing",
                 "at least one value of it");
  }
}

Condition read_condition(YamlFile& file, const Grid& grid, const std::string& axis,
                         const YAML::Node& node) {
  Condition condition{axis, "", {}, file.where(node)};
  std::set<std::string> names;
  for (const Axis& known : grid.axes) names.insert(known.name);
  if (!names.contains(axis)) {
    const std::string near = nearest(axis, names);
    file.fault(
        node, "the axis '" + axis + "' is not in this grid",
        near.empty() ? "one of: " + joined({names.begin(), names.end()}) : "'" + near + "'?");
  }
  if (node.IsSequence()) {
    for (const auto& item : node) condition.values.push_back(file.scalar(item));
    return condition;
  }
  const Json value = file.scalar(node);
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    for (const char* comparison : {">=", "<=", "!=", ">", "<"}) {
      if (!text.starts_with(comparison)) continue;
      condition.comparison = comparison;
      const std::size_t begin = text.find_first_not_of(' ', condition.comparison.size());
      YAML::Node operand(begin == std::string::npos ? std::string() : text.substr(begin));
      const Json bound = file.scalar(operand);
      if (condition.comparison != "!=" && !bound.is_number()) {
        file.fault(node, "'" + text + "' compares with no number",
                   "a number behind " + condition.comparison);
      }
      condition.values.push_back(bound);
      return condition;
    }
  }
  condition.values.push_back(value);
  return condition;
}

std::vector<Rule> read_rules(YamlFile& file, const Grid& grid, const YAML::Node& node,
                             const std::string& what) {
  std::vector<Rule> rules;
  if (!node.IsSequence()) {
    file.fault(node, what + " is no list",
               "a list of entries such as {sampler: ddpm, steps: \"> 20\"}");
    return rules;
  }
  for (const auto& item : node) {
    Rule rule;
    for (const auto& [axis, value] : file.members(item, {}, "an entry of " + what)) {
      rule.push_back(read_condition(file, grid, axis, value));
      if (what != "include") continue;
      if (!rule.back().comparison.empty()) {
        file.fault(value, "include names values, not comparisons", "a value or a list of values");
        continue;
      }
      for (const Json& named : rule.back().values)
        check_value(file, axis, {named, rule.back().where});
    }
    if (rule.empty() && item.IsMap())
      file.fault(item, "this entry of " + what + " is empty", "at least one axis");
    rules.push_back(std::move(rule));
  }
  return rules;
}

void read_zips(YamlFile& file, const YAML::Node& node, Grid& grid) {
  std::set<std::string> used;
  if (!node.IsSequence()) {
    file.fault(node, "zip is no list", "a list of lists of axes");
    return;
  }
  for (const auto& group : node) {
    std::vector<std::string> names;
    std::optional<std::size_t> length;
    if (!group.IsSequence()) {
      file.fault(group, "an entry of zip is no list",
                 "a list of axes, as [sampler, timestep_spacing]");
      continue;
    }
    for (const auto& item : group) {
      const std::string name = file.text(item, "an axis to zip");
      const auto axis = std::find_if(grid.axes.begin(), grid.axes.end(),
                                     [&](const Axis& a) { return a.name == name; });
      if (axis == grid.axes.end()) {
        file.fault(item, "the axis '" + name + "' is not in this grid");
        continue;
      }
      if (!used.insert(name).second)
        file.fault(item, "the axis '" + name + "' is zipped twice", "each axis once");
      if (length && *length != axis->values.size()) {
        file.fault(item,
                   "the axis '" + name + "' has " + std::to_string(axis->values.size()) + " values",
                   std::to_string(*length) + ", as many as the axes that it is zipped with");
      }
      length = axis->values.size();
      names.push_back(name);
    }
    grid.zips.push_back(std::move(names));
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
  const Members members = file.members(node, {"world", "count", "seed", "file"}, "prompts");
  if (!node.IsMap()) return source;
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
  }
  if (members.contains("count"))
    source.count = file.whole(members.at("count"), "count", 1, 1'000'000);
  if (members.contains("seed"))
    source.seed = file.whole(members.at("seed"), "seed", 0, 1ULL << 62U);
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
  if (members.contains("count"))
    reference.count = file.whole(members.at("count"), "count", 2, 1'000'000);
  if (members.contains("seed"))
    reference.seed = file.whole(members.at("seed"), "seed", 0, 1ULL << 62U);
  return reference;
}

Metric read_metric(YamlFile& file, const YAML::Node& node) {
  static const std::vector<std::string> kNames = {"fid", "kid", "clip_score", "attribute_accuracy"};
  Metric metric;
  metric.where = file.where(node);
  if (node.IsScalar()) {
    metric.name = file.choice(node, "metric", kNames);
    return metric;
  }
  if (!node.IsMap() || node.size() != 1) {
    file.fault(node, "this is no metric", "a name, or name: {extractor, reference, protocol}");
    return metric;
  }
  const auto pair = *node.begin();
  metric.name = file.choice(pair.first, "metric", kNames);
  const Members members =
      file.members(pair.second, {"extractor", "reference", "protocol"}, "a metric");
  if (members.contains("extractor"))
    metric.extractor = file.text(members.at("extractor"), "extractor");
  if (members.contains("reference"))
    metric.reference = read_reference(file, members.at("reference"));
  if (members.contains("protocol")) metric.protocol = file.tree(members.at("protocol"));
  return metric;
}

void read_metrics(YamlFile& file, const YAML::Node& node, Grid& grid) {
  if (!node.IsSequence()) {
    file.fault(node, "metrics is no list", "a list of metrics");
    return;
  }
  for (const auto& item : node) grid.metrics.push_back(read_metric(file, item));
}

void read_sizes(YamlFile& file, const Members& members, Grid& grid) {
  const auto whole = [&](const char* key, std::uint64_t least, std::uint64_t most, auto& target) {
    if (members.contains(key))
      target = static_cast<std::decay_t<decltype(target)>>(
          file.whole(members.at(key), key, least, most));
  };
  whole("images", 1, kImagesMax, grid.images);
  whole("judge_from", 0, kImagesMax, grid.judge_from);
  whole("unit_images", 1, kImagesMax, grid.unit_images);
  whole("group_size", 1, 4096, grid.group_size);
  if (members.contains("height"))
    grid.height = static_cast<int>(file.whole(members.at("height"), "height", 8, 8192));
  if (members.contains("width"))
    grid.width = static_cast<int>(file.whole(members.at("width"), "width", 8, 8192));
  if (members.contains("keep")) {
    const Members keep = file.members(members.at("keep"), {"features", "pictures"}, "keep");
    if (keep.contains("pictures"))
      grid.keep_pictures = file.whole(keep.at("pictures"), "pictures", 0, kImagesMax);
    if (keep.contains("features") && file.scalar(keep.at("features")) != true) {
      file.fault(keep.at("features"), "features cannot be dropped: scores are computed from them",
                 "true");
    }
  }
  if (members.contains("images") && grid.judge_from >= grid.images) {
    file.fault(members.contains("judge_from") ? members.at("judge_from") : members.at("images"),
               "judge_from is " + std::to_string(grid.judge_from),
               "less than images, " + std::to_string(grid.images));
  }
}

void read_members(YamlFile& file, const YAML::Node& root, Grid& grid) {
  const Members members = file.members(root, grid_keys(), "the grid");
  if (!root.IsMap()) return;
  for (const char* needed : {"name", "axes", "prompts", "metrics", "images"}) {
    if (!members.contains(needed))
      file.fault(root, std::string("the key '") + needed + "' is missing");
  }
  if (members.contains("name")) {
    grid.name = file.text(members.at("name"), "name");
    if (grid.name.empty() || grid.name.size() > 100 || grid.name.find('/') != std::string::npos) {
      file.fault(members.at("name"), "the name '" + grid.name + "' does not fit",
                 "1 to 100 characters without /");
    }
  }
  if (members.contains("axes")) read_axes(file, members.at("axes"), grid);
  if (members.contains("zip")) read_zips(file, members.at("zip"), grid);
  if (members.contains("exclude"))
    grid.exclude = read_rules(file, grid, members.at("exclude"), "exclude");
  if (members.contains("include"))
    grid.include = read_rules(file, grid, members.at("include"), "include");
  if (members.contains("prompts")) grid.prompts = read_prompts(file, members.at("prompts"));
  if (members.contains("metrics")) read_metrics(file, members.at("metrics"), grid);
  if (members.contains("dtype"))
    grid.dtype = file.choice(members.at("dtype"), "dtype", {"float32", "bfloat16", "float16"});
  if (members.contains("negative_prompt"))
    grid.negative_prompt = file.text(members.at("negative_prompt"), "negative_prompt");
  read_sizes(file, members, grid);
}

}  // namespace

Result<Grid> parse_grid(const std::string& text, const std::string& name) {
  if (text.size() > kGridBytesMax) return fail(name, "the file is larger than 4 MiB", "a grid");
  YamlFile file(name);
  Grid grid;
  grid.file = name;
  grid.text = text;
  try {
    read_members(file, YAML::Load(text), grid);
  } catch (const YAML::ParserException& error) {
    return fail(name + ":" + std::to_string(error.mark.line + 1) + ":" +
                    std::to_string(error.mark.column + 1),
                "this is not YAML: " + error.msg);
  } catch (const YAML::Exception& error) {
    return fail(name, "this is not YAML: " + error.msg);
  }
  if (!file.failure().is_empty()) return fail(file.in_reading_order());
  return grid;
}

Result<Grid> read_grid(const std::filesystem::path& file) {
  const auto text = io::read_file(file, kGridBytesMax + 1);
  if (!text) return fail(text.error());
  return parse_grid(*text, file.string());
}

}  // namespace isocost::experiments

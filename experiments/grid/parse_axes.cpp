// Axes, ranges and defaults.
#include <algorithm>
#include <cmath>

#include "experiments/grid/parameters.h"
#include "experiments/grid/parse_parts.h"
#include "schema/samplers/resolve.h"

namespace isocost::experiments {
namespace {

constexpr std::size_t kAxisValuesMax = 100'000;
constexpr std::size_t kAxisNameMax = 64;

struct Range {
  double from = 0;
  double to = 0;
  bool is_log = false;
};

double number_of(YamlFile& file, const Members& members, const char* key) {
  const Json value = file.scalar(members.at(key));
  if (value.is_number()) return value.get<double>();
  if (members.at(key).IsScalar())
    file.fault(members.at(key), std::string("'") + key + "' is no number", "a number");
  return std::nan("");
}

bool is_log_range(YamlFile& file, const Members& members) {
  if (!members.contains("log")) return false;
  const Json value = file.scalar(members.at("log"));
  if (!value.is_boolean()) file.fault(members.at("log"), "'log' is no truth", "true or false");
  return value == true;
}

std::vector<double> by_step(YamlFile& file, const YAML::Node& node, const Members& members,
                            const Range& range) {
  const double step = number_of(file, members, "step");
  if (range.is_log) {
    file.fault(members.at("step"), "a log range has no step: it is even in the logarithm",
               "count instead of step, or no log");
    return {};
  }
  if (std::isnan(step) || std::isnan(range.from + range.to)) return {};
  if (!(step > 0)) {
    file.fault(members.at("step"), "the step is " + number_shown(step), "a number above 0");
    return {};
  }
  const double count = (range.to - range.from) / step;
  if (!(count >= 0 && count <= static_cast<double>(kAxisValuesMax))) {
    file.fault(node,
               count < 0 ? "this range ends before it begins" : "this range has too many values",
               count < 0 ? "from at most as large as to" : "at most 100000 values");
    return {};
  }
  std::vector<double> values;
  // By their number: where the step is lost in the ends' rounding, adding it would never arrive.
  for (int i = 0; i <= std::floor(count + 1e-9); ++i) values.push_back(range.from + i * step);
  return values;
}

std::vector<double> by_count(YamlFile& file, const YAML::Node& node, const Members& members,
                             const Range& range) {
  const auto count = file.whole(members.at("count"), "count", 1, kAxisValuesMax);
  if (std::isnan(range.from + range.to)) return {};
  if (range.is_log && !(range.from > 0 && range.to > 0)) {
    file.fault(node, "a log range reaches 0", "from and to above 0");
    return {};
  }
  if (!std::isfinite(range.to - range.from) ||
      (range.is_log && !std::isfinite(range.to / range.from))) {
    file.fault(node, "the ends of this range lie too far apart", "a range within 1e308");
    return {};
  }
  if (count == 1 && range.from != range.to) {
    file.fault(members.at("count"), "one value does not reach from one end to the other",
               "count 2 or more");
    return {};
  }
  const bool are_whole = range.from == std::floor(range.from) && range.to == std::floor(range.to);
  std::vector<double> values;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    const double value = range.is_log ? range.from * std::pow(range.to / range.from, share)
                                      : range.from + (range.to - range.from) * share;
    // Rounding may carry a whole value off by its last bit, as 1 + 49 x 27/49.
    const double whole = std::round(value);
    const bool is_whole =
        are_whole && (range.is_log || std::abs(value - whole) <= 1e-12 * std::abs(whole));
    values.push_back(is_whole ? whole : value);
  }
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

std::vector<Json> range_values(YamlFile& file, const YAML::Node& node) {
  const Members members = file.members(node, {"from", "to", "step", "count", "log"}, "a range");
  if (!members.contains("from") || !members.contains("to") ||
      members.contains("step") == members.contains("count")) {
    file.fault(node, "this range is not complete", "from, to, and either step or count");
    return {};
  }
  const Range range{number_of(file, members, "from"), number_of(file, members, "to"),
                    is_log_range(file, members)};
  const std::vector<double> values = members.contains("step")
                                         ? by_step(file, node, members, range)
                                         : by_count(file, node, members, range);
  std::vector<Json> result;
  for (const double value : values) {
    if (value == std::floor(value) && std::fabs(value) < 1e15)
      result.emplace_back(static_cast<std::int64_t>(value));
    else
      result.emplace_back(value);
  }
  return result;
}

// {path: FOLDER, variant: fp16, as: NAME}; without anything but the path the path alone.
Json model_value(YamlFile& file, const YAML::Node& node) {
  constexpr std::size_t kNameMax = 100;
  const Members members = file.members(node, {"path", "variant", "as"}, "a model");
  Json value = Json::object();
  for (const auto& [key, member] : members) {
    const std::string text = file.text(member, key);
    const bool fits = !text.empty() && text.size() <= (key == "path" ? 4096 : kNameMax) &&
                      text.find_first_of("\n\r\t") == std::string::npos;
    if (!fits && member.IsScalar())
      file.fault(member, "'" + key + "' of a model does not fit",
                 "1 to 100 characters of one line");
    value[key] = text;
  }
  if (!members.contains("path"))
    file.fault(node, "this model has no path", "{path: FOLDER, variant: fp16, as: NAME}");
  return value.size() == 1 && value.contains("path") ? value["path"] : value;
}

// A null has its place behind itself, so that its key is named instead.
void read_values(YamlFile& file, const YAML::Node& key, const YAML::Node& node, Axis& axis) {
  const bool is_of_models =
      std::find(axis.paths.begin(), axis.paths.end(), "model") != axis.paths.end();
  const auto add_range = [&](const YAML::Node& range) {
    if (is_of_models) {
      axis.values.push_back({model_value(file, range), file.where(range)});
      return;
    }
    for (const Json& value : range_values(file, range))
      axis.values.push_back({value, file.where(range)});
  };
  if (node.IsNull() || (node.IsSequence() && node.size() == 0)) {
    file.fault(node.IsNull() ? key : node, "the axis '" + axis.name + "' is empty",
               "at least one value");
  } else if (node.IsMap()) {
    add_range(node);
  } else if (node.IsSequence()) {
    for (const auto& item : node) {
      if (item.IsMap())
        add_range(item);
      else if (item.IsSequence())
        file.fault(item, "a value of the axis '" + axis.name + "' is a list", "a single value");
      else
        axis.values.push_back({file.scalar(item), file.where(item)});
    }
  } else {
    axis.values.push_back({file.scalar(node), file.where(node)});
  }
  for (const Placed& value : axis.values) check_value(file, axis, value);
}

void fault_path(YamlFile& file, const YAML::Node& node, const std::string& path) {
  const std::set<std::string>& known = parameter_paths();
  if (path == "sampler.timestep_spacing" || path == "sampler.use_karras_sigmas") {
    file.fault(node, "'" + path + "' is set by an axis of its own", "'timestep_spacing'");
    return;
  }
  const std::string near = nearest(path, known);
  std::vector<std::string> plain;  // without the many options of samplers
  for (const std::string& one : known)
    if (one.find('.') == std::string::npos) plain.push_back(one);
  file.fault(node, "the path '" + path + "' leads nowhere",
             near.empty() ? "one of: " + joined(plain) + ", or an option such as sampler.eta"
                          : "'" + near + "'?");
}

// What an axis that the user named sets: {sets: sampler.eta, values: [0, 1]}.
YAML::Node read_named_axis(YamlFile& file, const YAML::Node& node, Axis& axis) {
  const Members members = file.members(node, {"sets", "values"}, "the axis '" + axis.name + "'");
  if (!members.contains("sets") || !members.contains("values")) {
    file.fault(node, "the axis '" + axis.name + "' is not complete", "sets and values");
    return YAML::Node(YAML::NodeType::Undefined);
  }
  const YAML::Node& sets = members.at("sets");
  const auto add = [&](const YAML::Node& item) {
    const std::string path = file.text(item, "a path");
    if (!item.IsScalar()) return;
    if (parameter_paths().contains(path))
      axis.paths.push_back(path);
    else
      fault_path(file, item, path);
  };
  if (sets.IsSequence())
    for (const auto& item : sets) add(item);
  else
    add(sets);
  if (sets.IsSequence() && sets.size() == 0)
    file.fault(sets, "the axis '" + axis.name + "' sets nothing", "a parameter's path");
  return members.at("values");
}

bool is_fit_name(const std::string& name) {
  return !name.empty() && name.size() <= kAxisNameMax &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
             std::string::npos;
}

void read_axis(YamlFile& file, const YAML::Node& key, const YAML::Node& node, Grid& grid) {
  Axis axis{key.Scalar(), {}, file.where(node), {}};
  if (parameter_paths().contains(axis.name)) {
    axis.paths = {axis.name};
    read_values(file, key, node, axis);
  } else if (axis.name.find('.') != std::string::npos) {
    fault_path(file, key, axis.name);
    return;
  } else if (node.IsMap() && node["sets"]) {
    if (!is_fit_name(axis.name))
      file.fault(key, "the name '" + axis.name + "' of an axis does not fit",
                 "at most 64 letters, digits, _ and -");
    const YAML::Node values = read_named_axis(file, node, axis);
    if (values.IsDefined()) read_values(file, key, values, axis);
  } else {
    const std::string near = nearest(axis.name, parameter_paths());
    file.fault(key, "unknown axis '" + axis.name + "'",
               near.empty() ? "one of: " + joined({usual_axes().begin(), usual_axes().end()}) +
                                  ", a path such as sampler.eta, or {sets: PATH, values: [...]}"
                            : "'" + near + "'?");
    return;
  }
  for (const std::string& path : axis.paths) {
    for (const Axis& other : grid.axes) {
      if (other.name != axis.name &&
          std::find(other.paths.begin(), other.paths.end(), path) != other.paths.end())
        file.fault(key, "'" + path + "' is set by the axis '" + other.name + "' already",
                   "one axis for it");
    }
  }
  grid.axes.push_back(std::move(axis));
}

bool sets(const Grid& grid, const std::string& path) {
  return std::any_of(grid.axes.begin(), grid.axes.end(), [&](const Axis& axis) {
    return std::find(axis.paths.begin(), axis.paths.end(), path) != axis.paths.end();
  });
}

void take_default(const std::string& path, const Placed& placed, Grid& grid) {
  const Json& value = placed.value;
  if (path == "height")
    grid.height = value.get<int>();
  else if (path == "width")
    grid.width = value.get<int>();
  else if (path == "group_size")
    grid.group_size = value.get<int>();
  else if (path == "dtype")
    grid.dtype = value.get<std::string>();
  else if (path == "negative_prompt")
    grid.negative_prompt = value.get<std::string>();
  else if (path.starts_with("sampler.") || is_of_tasks(path))
    grid.defaults.push_back({path, placed});
  else
    grid.axes.push_back({path, {placed}, placed.where, {path}});
}

}  // namespace

void check_value(YamlFile& file, const Axis& axis, const Placed& placed) {
  for (const std::string& path : axis.paths) {
    const bool is_left_to_task = placed.value.is_null() && is_of_tasks(path);
    const std::string expected = misfit(path, placed.value);
    if (is_left_to_task || expected.empty()) continue;
    if (path == "sampler" && placed.value.is_string())
      file.failure().add(placed.where, "unknown sampler " + placed.value.dump(), expected);
    else
      file.failure().add(
          placed.where,
          "the value " + placed.value.dump() + " of axis '" + axis.name + "' does not fit",
          expected);
  }
}

void read_axes(YamlFile& file, const YAML::Node& node, Grid& grid) {
  grid.axes_where = file.where(node);
  if (!node.IsMap()) {
    file.fault(node, "axes is no map", "axis: values lines");
    return;
  }
  std::set<std::string> seen;
  for (const auto& pair : node) {
    if (!pair.first.IsScalar())
      file.fault(pair.first, "the name of an axis is no text", "a name");
    else if (!seen.insert(pair.first.Scalar()).second)
      file.fault(pair.first, "the axis '" + pair.first.Scalar() + "' stands twice",
                 "each axis once");
    else
      read_axis(file, pair.first, pair.second, grid);
  }
}

void read_defaults(YamlFile& file, const YAML::Node& node, const Members& grid_keys, Grid& grid) {
  std::set<std::string> seen;
  if (!node.IsMap()) {
    file.fault(node, "defaults is no map", "parameter: value lines");
    return;
  }
  for (const auto& pair : node) {
    const std::string path = file.text(pair.first, "the path of a default");
    if (!pair.first.IsScalar()) continue;
    if (!parameter_paths().contains(path)) {
      fault_path(file, pair.first, path);
    } else if (!seen.insert(path).second) {
      file.fault(pair.first, "the default '" + path + "' stands twice", "each default once");
    } else if (grid_keys.contains(path)) {
      file.fault(pair.first, "'" + path + "' is a key of the grid already", "one of the two");
    } else if (pair.second.IsMap() || pair.second.IsSequence()) {
      file.fault(pair.second, "the default '" + path + "' is a list or a map",
                 "a single value; several make an axis");
    } else {
      const Placed placed{file.scalar(pair.second), file.where(pair.second)};
      const std::string expected = misfit(path, placed.value);
      if (!expected.empty())
        file.fault(pair.second,
                   "the default " + placed.value.dump() + " of '" + path + "' does not fit",
                   expected);
      else if (!sets(grid, path))
        take_default(path, placed, grid);
    }
  }
}

void check_needed_axes(YamlFile& file, const YAML::Node& axes, const Grid& grid) {
  if (!axes.IsMap()) return;
  for (const char* needed : {"model", "sampler", "steps"}) {
    // Of a misspelt or wrong axis the fault is told already.
    const bool is_there = sets(grid, needed) || static_cast<bool>(axes[needed]);
    if (!is_there)
      file.fault(axes, std::string("the axis '") + needed + "' is missing",
                 "at least one value of it");
  }
}

}  // namespace isocost::experiments

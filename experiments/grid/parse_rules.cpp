// zip, exclude and include.
#include <algorithm>
#include <optional>

#include "experiments/grid/models.h"
#include "experiments/grid/parse_parts.h"

namespace isocost::experiments {
namespace {

const Axis* find_axis(const Grid& grid, const std::string& name) {
  const auto found = std::find_if(grid.axes.begin(), grid.axes.end(),
                                  [&](const Axis& axis) { return axis.name == name; });
  return found == grid.axes.end() ? nullptr : &*found;
}

void fault_axis(YamlFile& file, const Grid& grid, const YAML::Node& node, const std::string& name) {
  std::set<std::string> names;
  for (const Axis& axis : grid.axes) names.insert(axis.name);
  const std::string near = nearest(name, names);
  file.fault(node, "the axis '" + name + "' is not in this grid",
             near.empty() ? "one of: " + joined({names.begin(), names.end()}) : "'" + near + "'?");
}

bool has_numbers(const Axis& axis) {
  return std::any_of(axis.values.begin(), axis.values.end(),
                     [](const Placed& placed) { return placed.value.is_number(); });
}

// "> 20" -> (">", 20); other values are compared for being equal.
void read_comparison(YamlFile& file, const Axis& axis, const YAML::Node& node,
                     const std::string& text, Condition& condition) {
  for (const char* comparison : {">=", "<=", "!=", ">", "<"}) {
    if (!text.starts_with(comparison)) continue;
    condition.comparison = comparison;
    const std::size_t begin = text.find_first_not_of(' ', condition.comparison.size());
    const Json bound =
        file.scalar(YAML::Node(begin == std::string::npos ? std::string() : text.substr(begin)));
    condition.values = {bound};
    if (condition.comparison == "!=") {
      check_value(file, axis, {bound, condition.where});
    } else if (!bound.is_number()) {
      file.fault(node, "'" + text + "' compares with no number",
                 "a number behind " + condition.comparison);
    } else if (!has_numbers(axis)) {
      file.fault(node, "'" + text + "' compares numbers, and the axis '" + axis.name + "' has none",
                 "a value, a list of values, or \"!= VALUE\"");
    }
    return;
  }
}

Condition read_condition(YamlFile& file, const Axis& axis, const YAML::Node& node) {
  Condition condition{axis.name, "", {}, file.where(node)};
  if (node.IsScalar() || node.IsNull()) {
    const Json value = file.scalar(node);
    if (value.is_string()) read_comparison(file, axis, node, value.get<std::string>(), condition);
    if (!condition.comparison.empty()) return condition;
    condition.values.push_back(value);
    check_value(file, axis, {value, condition.where});
    return condition;
  }
  if (!node.IsSequence() || node.size() == 0) {
    file.fault(node, "the condition on '" + axis.name + "' names no value",
               "a value, a list of values, or a comparison such as \"> 20\"");
    return condition;
  }
  for (const auto& item : node) {
    if (item.IsMap() || item.IsSequence()) {
      file.fault(item, "a value of a condition is a list or a map", "a single value");
      continue;
    }
    condition.values.push_back(file.scalar(item));
    check_value(file, axis, {condition.values.back(), file.where(item)});
  }
  return condition;
}

}  // namespace

std::vector<Rule> read_rules(YamlFile& file, const Grid& grid, const YAML::Node& node,
                             const std::string& what) {
  std::vector<Rule> rules;
  if (!node.IsSequence()) {
    file.fault(node, what + " is no list",
               what == "include" ? "a list of entries such as {sampler: ddpm, steps: 20}"
                                 : "a list of entries such as {sampler: ddpm, steps: \"> 20\"}");
    return rules;
  }
  for (const auto& item : node) {
    Rule rule;
    for (const auto& [name, value] : file.members(item, {}, "an entry of " + what)) {
      const Axis* axis = find_axis(grid, name);
      if (axis == nullptr) {
        fault_axis(file, grid, value, name);
        continue;
      }
      rule.push_back(read_condition(file, *axis, value));
      if (what == "include" && !rule.back().comparison.empty())
        file.fault(value, "include names values, not comparisons", "a value or a list of values");
    }
    if (item.IsMap() && item.size() == 0)
      file.fault(item, "this entry of " + what + " is empty", "at least one axis");
    if (!rule.empty()) rules.push_back(std::move(rule));
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
    if (!group.IsSequence() || group.size() < 2) {
      file.fault(group, "an entry of zip names no two axes",
                 "a list of axes, as [sampler, timestep_spacing]");
      continue;
    }
    for (const auto& item : group) {
      const std::string name = file.text(item, "an axis to zip");
      if (!item.IsScalar()) continue;
      const Axis* axis = find_axis(grid, name);
      if (axis == nullptr) {
        fault_axis(file, grid, item, name);
        continue;
      }
      if (!used.insert(name).second)
        file.fault(item, "the axis '" + name + "' is zipped twice", "each axis once");
      // How many models a pattern stands for is seen when the folders are.
      const bool has_patterns =
          std::any_of(axis->values.begin(), axis->values.end(), [](const Placed& placed) {
            return model_ref(placed.value).path.find_first_of("*?[") != std::string::npos;
          });
      if (has_patterns && axis->paths == std::vector<std::string>{"model"}) {
        names.push_back(name);
        continue;
      }
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

}  // namespace isocost::experiments

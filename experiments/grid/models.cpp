#include "experiments/grid/models.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace isocost::experiments {
namespace {

bool is_pattern(const Json& value) {
  return value.is_string() && value.get<std::string>().find_first_of("*?[") != std::string::npos;
}

void resolve(Catalog& catalog, Failure& failure, const Json& value, const std::string& where,
             std::vector<std::string>& names) {
  const auto found = catalog.models(value.get<std::string>(), where);
  if (found)
    names.insert(names.end(), found->begin(), found->end());
  else
    failure.add(found.error());
}

void resolve_rules(const Grid& grid, Catalog& catalog, Failure& failure, std::vector<Rule>& rules) {
  for (Rule& rule : rules) {
    for (Condition& condition : rule) {
      const auto axis = std::find_if(grid.axes.begin(), grid.axes.end(),
                                     [&](const Axis& a) { return a.name == condition.axis; });
      if (axis == grid.axes.end() || !sets_model(*axis) || !condition.comparison.empty()) continue;
      std::vector<Json> values;
      for (const Json& value : condition.values) {
        if (!is_pattern(value)) {
          values.push_back(value);
          continue;
        }
        std::vector<std::string> names;
        resolve(catalog, failure, value, condition.where, names);
        values.insert(values.end(), names.begin(), names.end());
      }
      condition.values = std::move(values);
    }
  }
}

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  for (const auto& part : std::filesystem::path(name).lexically_normal())
    if (!part.empty() && part != "/") parts.push_back(part.string());
  return parts;
}

std::string tail(const std::vector<std::string>& parts, std::size_t count) {
  std::string text;
  for (std::size_t i = parts.size() - std::min(count, parts.size()); i < parts.size(); ++i)
    text += (text.empty() ? "" : "/") + parts[i];
  return text;
}

}  // namespace

bool sets_model(const Axis& axis) {
  return std::find(axis.paths.begin(), axis.paths.end(), "model") != axis.paths.end();
}

Grid with_models(const Grid& grid, Catalog& catalog, Failure& failure) {
  Grid resolved = grid;
  for (Axis& axis : resolved.axes) {
    if (!sets_model(axis)) continue;
    std::vector<Placed> values;
    for (const Placed& value : axis.values) {
      std::vector<std::string> names;
      resolve(catalog, failure, value.value, value.where, names);
      for (const std::string& name : names) values.push_back({name, value.where});
    }
    axis.values = std::move(values);
  }
  resolve_rules(resolved, catalog, failure, resolved.exclude);
  resolve_rules(resolved, catalog, failure, resolved.include);
  return resolved;
}

std::set<std::string> model_names(const Grid& grid) {
  std::set<std::string> names;
  for (const Axis& axis : grid.axes) {
    if (!sets_model(axis)) continue;
    for (const Placed& value : axis.values) names.insert(value.value.get<std::string>());
    for (const Rule& rule : grid.include) {
      for (const Condition& condition : rule) {
        if (condition.axis != axis.name) continue;
        for (const Json& value : condition.values) names.insert(value.get<std::string>());
      }
    }
  }
  return names;
}

std::map<std::string, std::string> model_labels(const std::set<std::string>& names) {
  std::map<std::string, std::vector<std::string>> parts;
  std::map<std::string, std::size_t> lengths;
  for (const std::string& name : names) {
    parts[name] = parts_of(name);
    lengths[name] = 1;
  }
  while (true) {
    std::map<std::string, std::set<std::vector<std::string>>> models;  // by label
    std::map<std::string, std::string> labels;
    for (const std::string& name : names) {
      labels[name] = tail(parts[name], lengths[name]);
      models[labels[name]].insert(parts[name]);
    }
    bool is_longer = false;
    for (const std::string& name : names) {
      if (models[labels[name]].size() < 2 || lengths[name] >= parts[name].size()) continue;
      ++lengths[name];
      is_longer = true;
    }
    if (!is_longer) return labels;
  }
}

}  // namespace isocost::experiments

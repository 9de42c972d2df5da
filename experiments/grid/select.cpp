#include "experiments/grid/select.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"
#include "experiments/grid/yaml.h"

namespace isocost::experiments {
namespace {

// A cell's label names a model by its folder alone; the grid must name it as it did.
std::map<std::string, std::string> names_by_label(const Grid& grid, Catalog& catalog) {
  std::map<std::string, std::string> names;
  for (const Axis& axis : grid.axes) {
    if (axis.name != "model") continue;
    for (const Placed& value : axis.values) {
      const auto found = catalog.models(value.value.get<std::string>(), value.where);
      if (!found) continue;
      for (const std::string& name : *found)
        names[std::filesystem::path(name).filename().string()] = name;
    }
  }
  return names;
}

std::vector<const JudgedPoint*> best(const std::vector<JudgedPoint>& points,
                                     const SelectOptions& options) {
  std::map<std::string, std::vector<const JudgedPoint*>> groups;
  std::vector<std::string> order;
  for (const JudgedPoint& point : points) {
    Json group = Json::array();
    for (const std::string& axis : options.per) group.push_back(point.labels.at(axis));
    const std::string key = canonical(group);
    if (!groups.contains(key)) order.push_back(key);
    groups[key].push_back(&point);
  }
  std::vector<const JudgedPoint*> chosen;
  const bool is_lower = is_lower_better(options.metric);
  for (const std::string& key : order) {
    auto& group = groups[key];
    std::stable_sort(group.begin(), group.end(), [&](const JudgedPoint* a, const JudgedPoint* b) {
      return is_lower ? a->value < b->value : a->value > b->value;
    });
    chosen.insert(chosen.end(), group.begin(),
                  group.begin() + static_cast<std::ptrdiff_t>(std::min(options.top, group.size())));
  }
  return chosen;
}

YAML::Node scalar_node(const Json& value) {
  if (value.is_string()) return YAML::Node(value.get<std::string>());
  return YAML::Node(canonical(value));
}

std::string written(const YAML::Node& root, const Grid& grid,
                    const std::vector<const JudgedPoint*>& chosen,
                    const std::map<std::string, std::string>& names, std::uint64_t judged_to,
                    const SelectOptions& options) {
  YAML::Node out = YAML::Clone(root);
  out["name"] = grid.name + "-finalists";
  out["description"] = "The best points of " + grid.name + " by " + options.metric +
                       ", judged on images that did not choose them.";
  YAML::Node axes;
  YAML::Node zip;
  for (const Axis& axis : grid.axes) {
    YAML::Node values;
    for (const JudgedPoint* point : chosen) {
      const Json& label = point->labels.at(axis.name);
      const auto name = axis.name == "model" ? names.find(label.get<std::string>()) : names.end();
      values.push_back(name != names.end() ? YAML::Node(name->second) : scalar_node(label));
    }
    values.SetStyle(YAML::EmitterStyle::Flow);
    axes[axis.name] = values;
    zip.push_back(axis.name);
  }
  zip.SetStyle(YAML::EmitterStyle::Flow);
  YAML::Node zips;
  zips.push_back(zip);
  out["axes"] = axes;
  out["zip"] = zips;
  out.remove("exclude");
  out.remove("include");
  out["images"] = std::to_string(options.images);
  out["judge_from"] = std::to_string(judged_to);
  YAML::Emitter emitter;
  emitter << out;
  return "# Made by: " + options.command + "\n# " + std::to_string(chosen.size()) +
         " points of the experiment " + grid.name + ", chosen by " + options.metric +
         " on images 0 to " + std::to_string(judged_to - 1) +
         ";\n# here they are judged on the images from " + std::to_string(judged_to) +
         " on. Keep it beside the grid it came from.\n" + emitter.c_str() + "\n";
}

}  // namespace

bool is_lower_better(const std::string& metric) { return metric == "fid" || metric == "kid"; }

Result<std::string> select_grid(const std::string& grid_text,
                                const std::vector<JudgedPoint>& points,
                                const SelectOptions& options) {
  const auto grid = parse_grid(grid_text, "the experiment's grid");
  if (!grid) return fail(grid.error());
  Failure failure;
  if (points.empty())
    failure.add(grid->name, "no cell has a value of " + options.metric + " yet",
                "a study with results");
  std::vector<std::string> axes;
  for (const Axis& axis : grid->axes) axes.push_back(axis.name);
  for (const std::string& axis : options.per) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
      failure.add("--per", "the axis '" + axis + "' is not in " + grid->name,
                  "one of: " + joined(axes));
    }
  }
  std::uint64_t judged_to = 0;
  for (const JudgedPoint& point : points) judged_to = std::max(judged_to, point.judged_to);
  if (!points.empty() && options.images <= judged_to) {
    failure.add("--images",
                std::to_string(options.images) + " images leave none that were not used to choose",
                "more than " + std::to_string(judged_to));
  }
  if (options.top == 0) failure.add("--top", "0", "1 or more");
  if (!failure.is_empty()) return fail(std::move(failure));
  const auto catalog = disk_catalog(".");
  return written(YAML::Load(grid_text), *grid, best(points, options),
                 names_by_label(*grid, *catalog), judged_to, options);
}

}  // namespace isocost::experiments

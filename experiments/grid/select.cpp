#include "experiments/grid/select.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "base/json_text.h"
#include "experiments/grid/grid.h"
#include "experiments/grid/models.h"
#include "experiments/grid/parameters.h"
#include "experiments/grid/yaml.h"
#include "schema/metrics/extractor.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {
namespace {

namespace fs = std::filesystem;
using Chosen = std::vector<const JudgedPoint*>;

// Null along an axis that its task does not have.
Json label_of(const JudgedPoint& point, const std::string& axis) {
  return point.labels.value(axis, Json());
}

Chosen best(const std::vector<JudgedPoint>& points, const SelectOptions& options) {
  std::map<std::string, Chosen> groups;
  std::vector<std::string> order;
  for (const JudgedPoint& point : points) {
    Json group = Json::array();
    for (const std::string& axis : options.per) group.push_back(label_of(point, axis));
    const std::string key = canonical(group);
    if (!groups.contains(key)) order.push_back(key);
    groups[key].push_back(&point);
  }
  Chosen chosen;
  const auto* metric = metrics::find_metric(options.metric);
  const bool is_lower = metric != nullptr && metric->is_lower_better();
  for (const std::string& key : order) {
    Chosen& group = groups[key];
    std::stable_sort(group.begin(), group.end(), [&](const JudgedPoint* a, const JudgedPoint* b) {
      return is_lower ? a->value < b->value : a->value > b->value;
    });
    chosen.insert(chosen.end(), group.begin(),
                  group.begin() + static_cast<std::ptrdiff_t>(std::min(options.top, group.size())));
  }
  return chosen;
}

// Texts that would read as something else are written as YAML's quoted ones.
YAML::Node scalar_node(const Json& value) {
  if (value.is_null()) return YAML::Node(YAML::NodeType::Null);
  if (!value.is_string()) return YAML::Node(canonical(value));
  YAML::Node node(value.get<std::string>());
  node.SetTag("!");
  return node;
}

class Writer {
 public:
  Writer(const Grid& grid, const SelectOptions& options, Catalog& catalog)
      : grid_(grid), options_(options) {
    const std::set<Json> values = model_values(with_models(grid, catalog, failure_));
    for (const auto& [value, label] : model_labels(values, failure_, grid.axes_where))
      models_[label] = model_ref(value);
  }

  Result<std::string> run(const Chosen& chosen,
                          const std::map<std::string, std::uint64_t>& judged_to) {
    YAML::Node out = YAML::Load(grid_.text);
    out["name"] = grid_.name + "-finalists";
    out["description"] = "The best points of " + grid_.name + " by " + options_.metric +
                         ", judged on images that did not choose them.";
    write_axes(out, chosen);
    write_defaults(out, chosen);
    out.remove("exclude");
    out.remove("include");
    write_images(out, judged_to);
    move_files(out);
    if (!failure_.is_empty()) return fail(std::move(failure_));
    YAML::Emitter emitter;
    emitter << out;
    return comment(chosen, judged_to) + emitter.c_str() + "\n";
  }

 private:
  void write_axes(YAML::Node& out, const Chosen& chosen) {
    YAML::Node axes, zip;
    for (const Axis& axis : grid_.axes) {
      if (is_absent(axis, chosen)) continue;
      YAML::Node values;
      for (const JudgedPoint* point : chosen) {
        const Json label = label_of(*point, axis.name);
        values.push_back(sets_model(axis) ? model_node(label) : scalar_node(label));
      }
      values.SetStyle(YAML::EmitterStyle::Flow);
      if (axis.paths.size() == 1 && axis.paths.front() == axis.name) {
        axes[axis.name] = values;
      } else {
        YAML::Node paths;
        for (const std::string& path : axis.paths) paths.push_back(path);
        paths.SetStyle(YAML::EmitterStyle::Flow);
        axes[axis.name]["sets"] = paths;
        axes[axis.name]["values"] = values;
      }
      zip.push_back(axis.name);
    }
    zip.SetStyle(YAML::EmitterStyle::Flow);
    YAML::Node zips;
    zips.push_back(zip);
    out["axes"] = axes;
    out["zip"] = zips;
  }

  // No task of a chosen point has it, or each leaves it to its method.
  static bool is_absent(const Axis& axis, const Chosen& chosen) {
    return std::all_of(chosen.begin(), chosen.end(), [&](const JudgedPoint* point) {
      return label_of(*point, axis.name).is_null();
    });
  }

  // What no task of a chosen point has would be a fault, and what an axis overruled that is left
  // out here would hold again.
  void write_defaults(YAML::Node& out, const Chosen& chosen) const {
    if (!out["defaults"]) return;
    for (const Default& one : grid_.defaults) {
      const auto has_it = [&](const JudgedPoint* point) {
        return find_option(tasks::find_task(task_of(*point).kind)->parameters, one.path) != nullptr;
      };
      if (is_of_tasks(one.path) && std::none_of(chosen.begin(), chosen.end(), has_it))
        out["defaults"].remove(one.path);
    }
    for (const Axis& axis : grid_.axes)
      if (is_absent(axis, chosen))
        for (const std::string& path : axis.paths) out["defaults"].remove(path);
    if (out["defaults"].size() == 0) out.remove("defaults");
  }

  // Requires: the point is one of the grid's, or the grid names no task.
  [[nodiscard]] const Task& task_of(const JudgedPoint& point) const {
    const Json name = label_of(point, "task");
    const auto named = std::find_if(grid_.tasks.begin(), grid_.tasks.end(),
                                    [&](const Task& task) { return name == task.name; });
    return named == grid_.tasks.end() ? grid_.tasks.front() : *named;
  }

  // A cell's label names a model by its last folders alone; the grid must name it as it did.
  YAML::Node model_node(const Json& label) {
    const auto found = models_.find(plain_text(label));
    if (found == models_.end()) {
      failure_.add(
          options_.grid_folder.string(),
          "the model " + label.dump() + " of the study is not among those of its grid here",
          "--grid FILE, the file that was submitted, beside its models");
      return YAML::Node(plain_text(label));
    }
    const auto& [path, variant, alias] = found->second;
    if (variant.empty() && alias.empty()) return YAML::Node(moved(path));
    YAML::Node node;
    node["path"] = moved(path);
    if (!variant.empty()) node["variant"] = variant;
    if (!alias.empty()) node["as"] = alias;
    return node;
  }

  void write_images(YAML::Node& out, const std::map<std::string, std::uint64_t>& judged_to) {
    const std::string images = std::to_string(options_.images);
    if (!out["tasks"]) {
      out["images"] = images;
      out["judge_from"] = std::to_string(judged_to.begin()->second);
      return;
    }
    out.remove("images");
    out.remove("judge_from");
    for (const Task& task : grid_.tasks) {
      const auto to = judged_to.find(task.name);
      YAML::Node node = out["tasks"][task.name];
      node["images"] = images;
      node["judge_from"] = std::to_string(to == judged_to.end() ? 0 : to->second);
    }
  }

  // A name that is relative to the submitted grid, made relative to the new one.
  [[nodiscard]] std::string moved(const std::string& name) const {
    if (name == "mini" || name.starts_with("mini/") || fs::path(name).is_absolute()) return name;
    const fs::path from = full(options_.grid_folder);
    const fs::path to = full(options_.out_folder);
    if (from == to) return name;
    return (from / name).lexically_normal().lexically_relative(to).string();
  }

  // The folder of a file that is named without one is the current folder.
  static fs::path full(const fs::path& folder) {
    const fs::path path = fs::absolute(folder.empty() ? "." : folder).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
  }

  void move_files(YAML::Node out) const {
    const auto move = [&](YAML::Node node, const char* key) {
      if (node.IsMap() && node[key]) node[key] = moved(node[key].Scalar());
    };
    const auto move_all = [&](YAML::Node keys) {
      move(keys["prompts"], "file");
      for (const char* folder : {"folder", "low", "high"}) move(keys["data"], folder);
      // What begins with the axis's model goes where that goes.
      if (keys["model"] && !keys["model"].Scalar().starts_with(kModelWord)) move(keys, "model");
      for (YAML::Node metric : keys["metrics"]) {
        if (!metric.IsMap()) continue;
        YAML::Node settings = metric.begin()->second;
        if (!settings.IsMap()) continue;
        if (settings["extractor"] && settings["extractor"].IsMap()) {
          for (const auto& extractor : metrics::extractors())
            if (!extractor.member.empty()) move(settings["extractor"], extractor.member.c_str());
        } else {
          move(settings, "extractor");
        }
        if (!settings["reference"]) continue;
        move(settings["reference"], "folder");
        move(settings["reference"], "npz");
      }
    };
    if (out["prompts"] || out["metrics"]) move_all(out);
    if (!out["tasks"]) return;
    for (auto task : out["tasks"]) move_all(task.second);
  }

  [[nodiscard]] std::string comment(const Chosen& chosen,
                                    const std::map<std::string, std::uint64_t>& judged_to) const {
    std::string text = "# Made by: " + options_.command + "\n# " + std::to_string(chosen.size()) +
                       (chosen.size() == 1 ? " point" : " points") + " of the experiment " +
                       grid_.name + ", chosen by " + options_.metric + ":\n";
    for (const JudgedPoint* point : chosen) {
      std::string line = "#   " + options_.metric + " " + rounded(point->value);
      for (const Axis& axis : grid_.axes)
        if (point->labels.contains(axis.name))
          line += ", " + axis.name + " " + plain_text(point->labels.at(axis.name));
      std::replace(line.begin(), line.end(), '\n', ' ');
      text += line + "\n";
    }
    for (const auto& [task, to] : judged_to) {
      text += "# The images that chose" + (task.empty() ? std::string() : " for " + task) +
              " are 0 to " + std::to_string(to - 1) + "; here those from " + std::to_string(to) +
              " on judge.\n";
    }
    return text + "# Names of files are relative to this file.\n";
  }

  // Six digits are more than a choice is good for, and enough to find the row again.
  static std::string rounded(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.6g", value);
    return text.data();
  }

  const Grid& grid_;
  const SelectOptions& options_;
  Failure failure_;
  std::map<std::string, ModelRef> models_;  // by label
};

// Up to which image each task was judged; the task of a grid that names none is "".
std::map<std::string, std::uint64_t> judged_to(const std::vector<JudgedPoint>& points) {
  std::map<std::string, std::uint64_t> to;
  for (const JudgedPoint& point : points) {
    const std::string task = point.labels.contains("task") ? plain_text(point.labels["task"]) : "";
    to[task] = std::max(to[task], point.judged_to);
  }
  return to;
}

Failure check(const Grid& grid, const std::vector<JudgedPoint>& points,
              const SelectOptions& options) {
  Failure failure;
  if (points.empty())
    failure.add(grid.name, "no cell has a value of " + options.metric + " yet",
                "a study with results");
  std::vector<std::string> axes;
  axes.reserve(grid.axes.size());
  for (const Axis& axis : grid.axes) axes.push_back(axis.name);
  const auto is_per = [&](const std::string& axis) {
    return std::find(options.per.begin(), options.per.end(), axis) != options.per.end();
  };
  for (const std::string& axis : options.per) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
      failure.add("--per", "the axis '" + axis + "' is not in " + grid.name,
                  "one of: " + joined(axes));
    }
  }
  for (const JudgedPoint& point : points) {
    for (const Axis& each : grid.axes) {
      const std::string& axis = each.name;
      const bool may_be_absent = std::all_of(each.paths.begin(), each.paths.end(), is_of_tasks);
      if (may_be_absent || point.labels.contains(axis)) continue;
      failure.add(grid.name, "a cell of the study has no '" + axis + "'", "cells of its last grid");
      return failure;
    }
  }
  const auto to = judged_to(points);
  if (to.size() > 1 && !is_per("task"))
    failure.add("--per", "tasks are judged by different data, so their values do not compare",
                "task among the axes");
  std::uint64_t last = 0;
  for (const auto& [unused, end] : to) last = std::max(last, end);
  if (!points.empty() && options.images <= last) {
    failure.add("--images",
                std::to_string(options.images) + " images leave none that were not used to choose",
                "more than " + std::to_string(last));
  }
  if (metrics::find_metric(options.metric) == nullptr)
    failure.add("--best", "the metric '" + options.metric + "' is unknown",
                "one of: " + joined(metrics::metric_names()));
  if (options.top == 0) failure.add("--top", "0", "1 or more");
  return failure;
}

}  // namespace

Result<std::string> select_grid(const std::string& grid_text,
                                const std::vector<JudgedPoint>& points,
                                const SelectOptions& options, Catalog& catalog) {
  const auto grid = parse_grid(grid_text, "the experiment's grid");
  if (!grid) return fail(grid.error());
  Failure failure = check(*grid, points, options);
  if (!failure.is_empty()) return fail(std::move(failure));
  return Writer(*grid, options, catalog).run(best(points, options), judged_to(points));
}

}  // namespace isocost::experiments

// The parts of a grid file that a file each reads. For experiments/grid/parse*.cpp alone.
#pragma once

#include <map>
#include <string>

#include "experiments/grid/grid.h"
#include "experiments/grid/yaml.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {

using Members = std::map<std::string, YAML::Node>;

inline constexpr std::uint64_t kImagesMax = 10'000'000;

// parse_axes.cpp
void read_axes(YamlFile& file, const YAML::Node& node, Grid& grid);
// Requires: the axes and the grid's own keys are read. A default for an axis that the file does not
// have becomes an axis of one value.
void read_defaults(YamlFile& file, const YAML::Node& node, const Members& grid_keys, Grid& grid);
// Fails the file where an axis that every grid needs is neither there nor a default.
void check_needed_axes(YamlFile& file, const YAML::Node& axes, const Grid& grid);
// Requires: check_value's axes are complete.
void check_value(YamlFile& file, const Axis& axis, const Placed& placed);

// parse_rules.cpp: requires that the axes are complete.
void read_zips(YamlFile& file, const YAML::Node& node, Grid& grid);
[[nodiscard]] std::vector<Rule> read_rules(YamlFile& file, const Grid& grid, const YAML::Node& node,
                                           const std::string& what);

// parse_metrics.cpp
[[nodiscard]] std::vector<Metric> read_metrics(YamlFile& file, const YAML::Node& node);

// Keys that belong to one source of data and say nothing beside another.
void refuse_beside(YamlFile& file, const Members& members, const std::string& kind,
                   const std::vector<std::string>& keys);

// The keys of one that names the mini world; `least`: scenes. Requires: the key 'world'.
void read_world(YamlFile& file, const Members& members, std::uint64_t least, WorldSource& source);

// parse_data.cpp. The row that a task's kind and method mean; one of its kind, or the first of all,
// where the fault of that is told.
[[nodiscard]] const tasks::TaskKind& read_method(YamlFile& file, const YAML::Node& key,
                                                 const Members& members, Task& task);
// Its data, factor, degradation, model and parameters. Requires: the grid's axes.
void read_items(YamlFile& file, const YAML::Node& key, const Members& members,
                const tasks::TaskKind& kind, const Grid& grid, Task& task);

// parse_tasks.cpp: prompts, metrics, images, judge_from of the grid or of each of its tasks.
void read_tasks(YamlFile& file, const YAML::Node& root, const Members& members, Grid& grid);

}  // namespace isocost::experiments

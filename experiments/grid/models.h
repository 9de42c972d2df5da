// The models of a grid: patterns resolved to folders, and what a person calls each. For
// experiments/grid alone.
#pragma once

#include <map>
#include <set>
#include <string>

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"

namespace isocost::experiments {

// The grid with the patterns of its model axis, of include and of exclude replaced by the folders
// that they match. Faults go to `failure`.
[[nodiscard]] Grid with_models(const Grid& grid, Catalog& catalog, Failure& failure);

// Every model that a grid without patterns names.
[[nodiscard]] std::set<std::string> model_names(const Grid& grid);

// The name of each without its folders; where two would have the same, as many of the last folders
// as tell them apart ("small/w8", "large/w8").
[[nodiscard]] std::map<std::string, std::string> model_labels(const std::set<std::string>& names);

// Whether this axis sets the model.
[[nodiscard]] bool sets_model(const Axis& axis);

}  // namespace isocost::experiments

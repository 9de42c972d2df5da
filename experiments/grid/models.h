// The models of a grid: patterns resolved to folders, and what a person calls each. For
// experiments/grid alone.
//
// A value of the model axis is a folder's name, or {"path": ..., "variant": ..., "as": ...} with
// what else a grid says of it. Thread: any.
#pragma once

#include <map>
#include <set>
#include <string>

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"

namespace isocost::experiments {

// Of a value of a model axis. Requires: a text, or an object as the parser makes it.
struct ModelRef {
  std::string path;
  std::string variant;  // of its weights; empty: those that are loaded without naming one
  std::string alias;    // what it is called; empty: by its folders
};
[[nodiscard]] ModelRef model_ref(const Json& value);

// The grid with the patterns of its model axis, of include and of exclude replaced by the folders
// that they match; conditions may name a model by its alias too. Faults go to `failure`.
[[nodiscard]] Grid with_models(const Grid& grid, Catalog& catalog, Failure& failure);

// Every model that a grid without patterns names, as values.
[[nodiscard]] std::set<Json> model_values(const Grid& grid);

// What each is called: its alias, else the name without its folders; where two would have the same,
// as many of the last folders as tell them apart ("small/w8", "large/w8"), and the variant where
// only that does ("sd15 (fp16)"). A folder of a Hugging Face cache goes by its repository:
// "models--org--name/snapshots/0123..." is "name", or "org/name". Fails with: one alias for two.
[[nodiscard]] std::map<Json, std::string> model_labels(const std::set<Json>& values,
                                                       Failure& failure, const std::string& where);

// Whether this axis sets the model.
[[nodiscard]] bool sets_model(const Axis& axis);

}  // namespace isocost::experiments

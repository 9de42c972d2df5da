// The parameters of one cell, as a grid's axes and defaults set them.
//
//   const Settings settings = settings_at(grid, points, number);
//
// Values stand once each in the grid and its points, and are pointed at: their places in memory
// tell them apart, and both must outlive the settings. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/grid/grid.h"

namespace isocost::experiments {

struct Settings {
  const Placed* model = nullptr;
  const Placed* sampler = nullptr;
  const Placed* steps = nullptr;
  const Placed* spacing = nullptr;
  std::vector<std::pair<std::string, const Placed*>> options;  // of the sampler
  // Of the task: those that its method has.
  std::map<std::string, const Placed*> parameters;
  std::size_t task = 0;  // its number among the grid's
  double guidance = 1;
  std::uint64_t seed = 0;
  std::optional<int> height;
  std::optional<int> width;
  std::optional<int> group_size;
  std::string dtype;
  std::string negative_prompt;
  std::string size_where;  // what set height or width; empty: nothing did
};

// Requires: a parsed grid, whose axes set model, sampler and steps.
[[nodiscard]] Settings settings_at(const Grid& grid, const Points& points, std::size_t point);

}  // namespace isocost::experiments

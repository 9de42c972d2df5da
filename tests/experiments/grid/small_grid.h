// A small grid text and its parts, for the tests of the grid language.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "experiments/grid/grid.h"

namespace isocost::experiments {

inline std::string grid_text(const std::string& axes, const std::string& rest = "") {
  return "name: study\naxes:\n" + axes +
         "prompts: [a cat, a dog]\nimages: 64\nmetrics: [clip_score]\n" + rest;
}

inline const std::string kAxes =
    "  model: [models/a, models/b]\n  sampler: [ddim, dpmpp-2m]\n  steps: [4, 10, 20, 50]\n  "
    "guidance: [1.5, 3]\n";

inline Grid parsed(const std::string& text) {
  auto grid = parse_grid(text, "g.yaml");
  EXPECT_TRUE(grid) << grid.error().message() << "\n" << text;
  return *grid;
}

}  // namespace isocost::experiments

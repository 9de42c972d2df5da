// What `run`, `submit` and `plan` are given: a grid file, or a submission that was made from one.
//
//   Result<GridInput> input = read_grid_input("experiments/demo.yaml");
//
// Fails with every fault of the file, with line and column. Thread: any.
#pragma once

#include <filesystem>
#include <vector>

#include "schema/spec.h"

namespace isocost::cli {

struct GridInput {
  Submission submission;
  std::vector<std::filesystem::path> models;  // folders in which workers find the inputs
};

[[nodiscard]] Result<GridInput> read_grid_input(const std::filesystem::path& file);

}  // namespace isocost::cli

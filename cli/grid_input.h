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
  std::vector<std::string> notes;             // what a user should know, a sentence each
};

[[nodiscard]] Result<GridInput> read_grid_input(const std::filesystem::path& file);

// The notes to the error stream, a line each.
void print_notes(const GridInput& input);

}  // namespace isocost::cli

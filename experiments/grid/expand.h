// From a grid to a submission: names looked up, samplers resolved, keys computed. Deterministic:
// the same file and the same model folders give the same submission, byte for byte.
//
// Parameters without effect are dropped before keys are computed: guidance at or below 1 is 1 and
// then has no negative prompt; options that a sampler does not have are not in its configuration.
// Fails with every fault, at the place in the grid file that brought it about. Thread: one.
#pragma once

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"
#include "schema/spec.h"

namespace isocost::experiments {

// What a user should know and is no fault (pictures that are not read, prompts that are cut) goes
// to `notes`.
[[nodiscard]] Result<Submission> expand(const Grid& grid, Catalog& catalog,
                                        std::vector<std::string>& notes);
[[nodiscard]] inline Result<Submission> expand(const Grid& grid, Catalog& catalog) {
  std::vector<std::string> notes;
  return expand(grid, catalog, notes);
}

struct LoadedGrid {
  Submission submission;
  std::vector<std::filesystem::path> places;  // of its models and inputs
  std::vector<std::string> notes;             // what a user should know, a sentence each
};

// Reads, checks and expands a grid file with the models on disk.
[[nodiscard]] Result<LoadedGrid> load_grid(const std::filesystem::path& grid_file);

}  // namespace isocost::experiments

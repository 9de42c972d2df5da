// A task with everything that it names looked up: prompts and scores as keys take them. For
// experiments/grid alone.
#pragma once

#include <string>
#include <vector>

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"
#include "schema/spec.h"

namespace isocost::experiments {

struct ReadyTask {
  std::string prompts;  // "sha256:..."
  std::vector<ScoreSpec> scores;
  std::uint64_t images = 0;
};

// Puts what it finds into the submission's blobs, references and names of inputs; faults go to
// `failure`.
[[nodiscard]] ReadyTask ready_task(const Task& task, const std::string& grid_file, Catalog& catalog,
                                   Submission& submission, Failure& failure);

}  // namespace isocost::experiments

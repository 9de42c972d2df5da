// A task with everything that it names looked up: prompts and scores as keys take them. For
// experiments/grid alone.
#pragma once

#include <string>
#include <vector>

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"
#include "experiments/grid/ready_items.h"
#include "schema/metrics/metric.h"
#include "schema/spec.h"

namespace isocost::experiments {

// Of an extractor that does not take pictures of every size.
struct SizeLimit {
  int side = 0;           // that they must have, both ways; 0: any that is not too small
  int least_side = 1;     // that they must have at least
  std::string extractor;  // as the grid names it
  std::string where;
};

struct ReadyTask {
  ReadyItems items;                // of tasks with pictures
  std::string prompts;             // "sha256:..."
  std::vector<std::string> texts;  // of the prompts, in their order
  std::vector<ScoreSpec> scores;
  ItemsSpec baseline_items;  // what baselines are made of, where the task has any and no items
  std::vector<SizeLimit> limits;
  std::uint64_t images = 0;
};

// Slots that a metric reads and items do not have.
[[nodiscard]] std::vector<std::string> missing_slots(const metrics::Metric& metric,
                                                     const std::set<tasks::Slot>& slots);

// Puts what it finds into the submission's blobs, references and names of inputs; faults go to
// `failure`, what a user should know and is no fault to `notes`.
[[nodiscard]] ReadyTask ready_task(const Task& task, const std::string& grid_file, Catalog& catalog,
                                   Submission& submission, Failure& failure,
                                   std::vector<std::string>& notes);

}  // namespace isocost::experiments

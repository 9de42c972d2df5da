// The items of a task with pictures, looked up: what a key says of them, and their prompts. For
// experiments/grid alone.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"
#include "schema/spec.h"

namespace isocost::experiments {

struct ReadyItems {
  ItemsSpec spec;                    // its fit as the grid says it
  std::vector<std::string> prompts;  // an item each
  std::set<tasks::Slot> slots;       // that the items have
  // Captions that the items have, an item each: of sources, of what is wanted.
  std::map<tasks::Slot, std::vector<std::string>> texts;
  // Of a metric that looks at what masks keep.
  std::optional<std::int64_t> kept_margin;
  // Columns that no sample begins with and extractors ask for, as ExtractorSpec has them.
  std::map<std::string, std::string> more;
};

// What the task's metrics and baselines want of its items.
[[nodiscard]] std::set<tasks::Slot> asked_slots(const Task& task);

// `asked`: asked_slots(task). Requires: task.data. Faults go to
// `failure`, what is no fault to `notes`; prompts are empty where there was one.
[[nodiscard]] ReadyItems ready_items(const Task& task, const std::set<tasks::Slot>& asked,
                                     Catalog& catalog, Submission& submission, Failure& failure,
                                     std::vector<std::string>& notes);

}  // namespace isocost::experiments

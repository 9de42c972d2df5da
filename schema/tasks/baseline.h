// A row of the table of baselines: pictures that no network draws, which a task's results are held
// against. A number says little without them.
//
//   const Baseline* row = find_baseline(sample.task);     // null: a task, or nothing known
//
// A cell of a baseline has its row's name for a task, none of a sampler, and in its parameters the
// task that it stands beside ({"task": "concat-sr"}); items and scores are that task's.
//
// To add one: a row in baselines.cpp, and a function under the same name in
// worker/diffusion/tasks/baselines.cpp; a test holds the two equal. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "schema/tasks/task.h"

namespace isocost::tasks {

struct Baseline {
  std::string name;  // in keys, grids and the database: do not change. No task is called so
  std::string label;
  std::string explanation;                       // whole sentences
  bool (*fits)(const TaskKind& task) = nullptr;  // whether it may stand beside such a task
  Slot slot = Slot::kTarget;                     // of each item, that its pictures are made of
  bool has_autoencoder = false;  // it is the model's; else no file of a model is read
};

[[nodiscard]] const std::vector<Baseline>& baselines();
[[nodiscard]] const Baseline* find_baseline(std::string_view name);
// The names of those that may stand beside a task.
[[nodiscard]] std::vector<std::string> baselines_of(const TaskKind& task);
// Of the study's three kinds, those that it may stand beside.
[[nodiscard]] std::vector<std::string> kinds_beside(const Baseline& baseline);

// The parameters of a baseline's sample, and what they say. Null: they are no baseline's.
[[nodiscard]] Json parameters_beside(const TaskKind& task);
[[nodiscard]] const TaskKind* task_beside(const Json& parameters);

}  // namespace isocost::tasks

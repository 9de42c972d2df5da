// The models of a grid's cells, each looked at once for each task that it serves.
//
//   CellModels models(catalog, submission, failure, notes);
//   const ModelEntry* model = models.of(*settings.model, task);
//
// A task's own model is its pattern with the words {model} and {name} replaced by what the axis
// says. Fails with, in `failure`: what Catalog::model says, at the place of the pattern or of the
// axis's value. Thread: one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "experiments/grid/catalog.h"
#include "experiments/grid/grid.h"
#include "experiments/grid/models.h"
#include "schema/spec.h"

namespace isocost::experiments {

// What a task runs with where the axis says `ref`.
[[nodiscard]] ModelRef model_of_task(const ModelRef& ref, const Task& task);

class CellModels {
 public:
  CellModels(Catalog& catalog, Submission& submission, Failure& failure,
             std::vector<std::string>& notes)
      : catalog_(catalog), submission_(submission), failure_(failure), notes_(notes) {}

  // Null: its fault is told. Stays where it is.
  [[nodiscard]] const ModelEntry* of(const Placed& value, const Task& task);

 private:
  Catalog& catalog_;
  Submission& submission_;
  Failure& failure_;
  std::vector<std::string>& notes_;
  // By path, variant and task.
  std::map<std::tuple<std::string, std::string, std::string>, std::optional<ModelEntry>> known_;
};

}  // namespace isocost::experiments

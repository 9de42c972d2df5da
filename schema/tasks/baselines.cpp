#include <algorithm>

#include "schema/tasks/baseline.h"

namespace isocost::tasks {

const std::vector<Baseline>& baselines() {
  static const std::vector<Baseline> kRows = {
      {.name = "real",
       .label = "Real pictures",
       .explanation = "The scenes that the prompts describe, as they are. What a metric says of "
                      "them is the floor of the measurement: no model can be told apart below it.",
       .kinds = {"text-to-image"}},
      {.name = "reconstruction",
       .label = "The autoencoder's reconstruction",
       .explanation = "The target, encoded (the posterior's mean) and decoded. No network before "
                      "the decoder can give more than it lets through.",
       .kinds = {"text-to-image", "super-resolution", "editing"},
       .has_autoencoder = true},
      {.name = "bicubic",
       .label = "Bicubic enlargement",
       .explanation = "The small picture, enlarged as Pillow's bicubic filter does it.",
       .kinds = {"super-resolution"},
       .slot = Slot::kSource},
      {.name = "source",
       .label = "The unchanged source",
       .explanation = "The picture that was to be edited, as it was.",
       .kinds = {"editing"},
       .slot = Slot::kSource},
      {.name = "mean",
       .label = "The mean of the data",
       .explanation = "One picture for all: the mean of all targets, pixel by pixel.",
       .kinds = {"text-to-image", "super-resolution", "editing"}},
  };
  return kRows;
}

const Baseline* find_baseline(std::string_view name) {
  for (const auto& row : baselines())
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> baselines_of(std::string_view kind) {
  std::vector<std::string> names;
  for (const auto& row : baselines())
    if (std::find(row.kinds.begin(), row.kinds.end(), kind) != row.kinds.end())
      names.push_back(row.name);
  return names;
}

Json parameters_beside(const TaskKind& task) { return {{"task", task.name}}; }

const TaskKind* task_beside(const Json& parameters) {
  const auto name = parameters.find("task");
  if (name == parameters.end() || parameters.size() != 1 || !name->is_string()) return nullptr;
  return find_task(name->get_ref<const std::string&>());
}

}  // namespace isocost::tasks

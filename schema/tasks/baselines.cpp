#include <algorithm>

#include "schema/tasks/baseline.h"

namespace isocost::tasks {
namespace {

bool is_any(const TaskKind&) { return true; }
bool begins_with_a_small_picture(const TaskKind& task) {
  return has_slot(task, Slot::kSource) && task.source_size != SourceSize::kPicture;
}
bool begins_with_a_picture(const TaskKind& task) {
  return has_slot(task, Slot::kSource) && task.source_size == SourceSize::kPicture;
}

}  // namespace

const std::vector<Baseline>& baselines() {
  static const std::vector<Baseline> kRows = {
      {.name = "real",
       .label = "Real pictures",
       .explanation = "The scenes that the prompts describe, as they are. What a metric says of "
                      "them is the floor of the measurement: no model can be told apart below it.",
       .fits = is_of_prompts},
      {.name = "reconstruction",
       .label = "The autoencoder's reconstruction",
       .explanation = "The target, encoded (the posterior's mean) and decoded. No network before "
                      "the decoder can give more than it lets through.",
       .fits = is_any,
       .has_autoencoder = true},
      {.name = "bicubic",
       .label = "Bicubic enlargement",
       .explanation = "The small picture, enlarged as Pillow's bicubic filter does it.",
       .fits = begins_with_a_small_picture,
       .slot = Slot::kSource},
      {.name = "source",
       .label = "The unchanged source",
       .explanation = "The picture that was to be edited, as it was.",
       .fits = begins_with_a_picture,
       .slot = Slot::kSource},
      {.name = "mean",
       .label = "The mean of the data",
       .explanation = "One picture for all: the mean of all targets, pixel by pixel.",
       .fits = is_any},
  };
  return kRows;
}

const Baseline* find_baseline(std::string_view name) {
  for (const auto& row : baselines())
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> baselines_of(const TaskKind& task) {
  std::vector<std::string> names;
  for (const auto& row : baselines())
    if (row.fits(task)) names.push_back(row.name);
  return names;
}

std::vector<std::string> kinds_beside(const Baseline& baseline) {
  std::vector<std::string> kinds;
  for (const auto& row : task_kinds())
    if (baseline.fits(row) && std::find(kinds.begin(), kinds.end(), row.kind) == kinds.end())
      kinds.push_back(row.kind);
  return kinds;
}

Json parameters_beside(const TaskKind& task) { return {{"task", task.name}}; }

const TaskKind* task_beside(const Json& parameters) {
  const auto name = parameters.find("task");
  if (name == parameters.end() || parameters.size() != 1 || !name->is_string()) return nullptr;
  return find_task(name->get_ref<const std::string&>());
}

}  // namespace isocost::tasks

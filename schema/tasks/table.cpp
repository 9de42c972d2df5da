#include "schema/tasks/task.h"

namespace isocost::tasks {

#define ISOCOST_ROW(name) TaskKind name##_row();
#include "schema/tasks/rows.inc"
#undef ISOCOST_ROW

std::string_view slot_name(Slot slot) {
  switch (slot) {
    case Slot::kPrompt:
      return "prompt";
    case Slot::kSource:
      return "source";
    case Slot::kMask:
      return "mask";
    case Slot::kTarget:
      return "target";
  }
  return {};
}

const std::vector<TaskKind>& task_kinds() {
#define ISOCOST_ROW(name) name##_row(),
  static const std::vector<TaskKind> kRows = {
#include "schema/tasks/rows.inc"
  };
#undef ISOCOST_ROW
  return kRows;
}

const TaskKind* find_task(std::string_view name) {
  for (const auto& row : task_kinds())
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const auto& row : task_kinds()) names.push_back(row.name);
  return names;
}

}  // namespace isocost::tasks

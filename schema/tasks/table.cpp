#include "schema/tasks/task.h"

#include <algorithm>

#include "schema/samplers/resolve.h"

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
    case Slot::kSourceText:
      return "source's text";
    case Slot::kTargetText:
      return "target's text";
  }
  return {};
}

std::string_view slot_key(Slot slot) {
  if (slot == Slot::kSourceText) return "source_text";
  if (slot == Slot::kTargetText) return "target_text";
  return slot_name(slot);
}

std::string_view slot_member(Slot slot, ItemUse use) {
  constexpr std::string_view kFile = "file_name", kOtherFile = "target_file_name", kText = "text";
  switch (slot) {
    case Slot::kPrompt:
      return use.is_instruction ? "edit_prompt" : kText;
    case Slot::kSource:
      return use.is_made_smaller ? std::string_view() : kFile;
    case Slot::kMask:
      return "mask_file_name";
    case Slot::kTarget:
      return use.is_made_smaller ? kFile : kOtherFile;
    case Slot::kSourceText:
      return use.is_instruction ? kText : slot_key(slot);
    case Slot::kTargetText:
      return use.is_instruction ? slot_key(slot) : kText;
  }
  return {};
}

bool is_text(Slot slot) {
  return slot == Slot::kPrompt || slot == Slot::kSourceText || slot == Slot::kTargetText;
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

bool is_of_prompts(const TaskKind& kind) {
  return std::all_of(kind.slots.begin(), kind.slots.end(),
                     [](Slot slot) { return slot == Slot::kPrompt; });
}

bool has_slot(const TaskKind& kind, Slot slot) {
  return std::find(kind.slots.begin(), kind.slots.end(), slot) != kind.slots.end();
}

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const auto& row : task_kinds())
    if (std::find(names.begin(), names.end(), row.kind) == names.end()) names.push_back(row.kind);
  return names;
}

std::vector<std::string> methods_of(std::string_view kind) {
  std::vector<std::string> names;
  for (const auto& row : task_kinds())
    if (row.kind == kind) names.push_back(row.name);
  return names;
}

const TaskKind* usual_method(std::string_view kind) {
  for (const auto& row : task_kinds())
    if (row.kind == kind && row.is_usual) return &row;
  return nullptr;
}

const std::vector<Option>& all_parameters() {
  static const std::vector<Option> kAll = [] {
    std::vector<Option> all;
    for (const auto& row : task_kinds())
      for (const auto& option : row.parameters)
        if (find_option(all, option.name) == nullptr) all.push_back(option);
    return all;
  }();
  return kAll;
}

Result<Json> key_parameters(const TaskKind& kind, const Json& said, double guidance,
                            const ModelFacts& facts, const std::string& where) {
  auto parameters = completed(kind.parameters, said, where);
  if (!parameters) return parameters;
  if (kind.derive != nullptr) {
    const auto derived = kind.derive(*parameters, facts, where);
    if (!derived) return derived;
    parameters->update(*derived);
  }
  if (kind.drop_idle != nullptr) kind.drop_idle(guidance, *parameters);
  return parameters;
}

Result<void> check_parameters(const TaskKind& kind, const Json& parameters, double guidance,
                              const std::string& where) {
  auto options = kind.parameters;
  options.insert(options.end(), kind.derived.begin(), kind.derived.end());
  auto whole = completed(options, parameters, where);
  if (!whole) return fail(whole.error());
  if (kind.drop_idle != nullptr) kind.drop_idle(guidance, *whole);
  if (canonical(*whole) == canonical(parameters)) return {};
  return fail(where, "the parameters are " + canonical(parameters),
              canonical(*whole) + ": all that have an effect, and no other");
}

Calls every_call(const sampling::SamplerConfig& sampler, double guidance, const Json&) {
  return {0, sampling::call_count(sampler), guidance > 1 ? std::size_t{2} : std::size_t{1}};
}

Calls calls_of_strength(const sampling::SamplerConfig& sampler, double guidance,
                        const Json& parameters) {
  Calls calls = every_call(sampler, guidance, parameters);
  const auto first = first_call(sampler.steps, parameters.at("strength").get<double>());
  calls.first_call = std::min(first, calls.calls);
  calls.calls -= calls.first_call;
  return calls;
}

std::uint64_t encodes_source(const Channels&, const Json&) { return 1; }

Option strength_option(double fallback) {
  return number("strength", fallback, {0, 1, true},
                "how much of the picture is noise when the task begins");
}

std::size_t first_call(int steps, double strength) {
  const int made = std::min(static_cast<int>(steps * strength), steps);
  return static_cast<std::size_t>(steps - made);
}

}  // namespace isocost::tasks

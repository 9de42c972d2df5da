#include "experiments/grid/cell_models.h"

#include <algorithm>
#include <filesystem>

#include "experiments/grid/notes.h"

namespace isocost::experiments {
namespace {

void replace_all(std::string& text, const std::string& word, const std::string& by) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size()))
    text.replace(at, word.size(), by);
}

// The last folder of a path, also of one that ends with a slash.
std::string last_folder(const std::string& path) {
  const auto normal = std::filesystem::path(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

}  // namespace

ModelRef model_of_task(const ModelRef& ref, const Task& task) {
  if (task.model.empty()) return ref;
  ModelRef own = ref;
  own.path = task.model;
  std::string path = ref.path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  replace_all(own.path, kNameWord, last_folder(path));
  replace_all(own.path, kModelWord, path);
  return own;
}

const ModelEntry* CellModels::of(const Placed& value, const Task& task) {
  const ModelRef ref = model_of_task(model_ref(value.value), task);
  const std::tuple key{ref.path, ref.variant, task.kind};
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second ? &*known->second : nullptr;
  const std::string& where = task.model.empty() ? value.where : task.model_where;
  auto entry = catalog_.model(ref.path, ref.variant, {task.kind}, where);
  if (!entry) {
    failure_.add(entry.error());
    known_.emplace(key, std::nullopt);
    return nullptr;
  }
  submission_.input_names.insert(entry->names.begin(), entry->names.end());
  for (const std::string& note : entry->notes) {
    const std::string text = "the model " + ref.path + ": " + note;
    add_note(notes_, text);
  }
  return &*known_.emplace(key, std::move(*entry)).first->second;
}

}  // namespace isocost::experiments

#include "experiments/grid/cell_items.h"

#include "base/check.h"

namespace isocost::experiments {

const ItemsSpec* CellItems::of(const Task& task, const ReadyTask& ready,
                               diffusion::PictureSize size, const std::string& size_where) {
  ISOCOST_CHECK(task.data.has_value(), "who asks for items has a task with data");
  const std::tuple key{&task, size.height, size.width};
  auto known = known_.find(key);
  if (known == known_.end()) known = known_.emplace(key, look(task, ready, size, size_where)).first;
  return known->second ? &*known->second : nullptr;
}

std::optional<ItemsSpec> CellItems::look(const Task& task, const ReadyTask& ready,
                                         diffusion::PictureSize size,
                                         const std::string& size_where) {
  if (ready.texts.empty()) return std::nullopt;  // its fault is told
  ItemsSpec spec = ready.items.spec;
  if (size.height % spec.factor != 0 || size.width % spec.factor != 0) {
    failure_.add(size_where.empty() ? task.factor_where : size_where,
                 io::size_text(size.width, size.height) + " pixels are not divided by the factor " +
                     std::to_string(spec.factor) + " of the task '" + task.name + "'",
                 "multiples of it");
    return std::nullopt;
  }
  const auto is_any_changed = catalog_.check_items(
      spec, ready.items.more,
      {.height = size.height, .width = size.width, .kept_margin = ready.items.kept_margin},
      task.data->where);
  if (!is_any_changed) {
    failure_.add(is_any_changed.error());
    return std::nullopt;
  }
  if (!*is_any_changed) spec.fit = kFitExact;
  return spec;
}

std::optional<Error> misfit_source(const Task& task, const tasks::TaskKind& kind,
                                   const ModelEntry& model, const std::string& label,
                                   diffusion::PictureSize size) {
  if (kind.source_size != tasks::SourceSize::kLatents) return std::nullopt;
  const int factor = model.vae_factor;
  if (task.factor.value_or(1) != factor)
    return Error{
        task.factor_where,
        "the factor of the task '" + task.name + "' is " + std::to_string(task.factor.value_or(1)),
        std::to_string(factor) + ", by which the autoencoder of " + label + " enlarges"};
  if (size.height / factor % factor == 0 && size.width / factor % factor == 0) return std::nullopt;
  return Error{task.factor_where,
               "the small pictures of the task '" + task.name + "' have " +
                   io::size_text(size.width / factor, size.height / factor) + " pixels",
               "multiples of " + std::to_string(factor) + ", as " + label + " takes them"};
}

}  // namespace isocost::experiments

// The items of a grid's cells: those of each task looked at once a size, as its cells will load
// them.
//
//   CellItems items(catalog, failure);
//   const ItemsSpec* spec = items.of(task, ready, {64, 64}, where);
//
// Fails with, in `failure`: sides that the factor does not divide, and what Catalog::check_items
// says. Thread: one.
#pragma once

#include <map>
#include <optional>
#include <tuple>

#include "experiments/grid/catalog.h"
#include "experiments/grid/ready_task.h"
#include "worker/diffusion/items/items.h"

namespace isocost::experiments {

class CellItems {
 public:
  CellItems(Catalog& catalog, Failure& failure) : catalog_(catalog), failure_(failure) {}

  // As a key has them: a fit that changes no picture is not in it. Null: a fault is told. Requires:
  // the task has data. `size_where`: what set the size; empty where nothing did.
  [[nodiscard]] const ItemsSpec* of(const Task& task, const ReadyTask& ready,
                                    diffusion::PictureSize size, const std::string& size_where);

 private:
  [[nodiscard]] std::optional<ItemsSpec> look(const Task& task, const ReadyTask& ready,
                                              diffusion::PictureSize size,
                                              const std::string& size_where);

  Catalog& catalog_;
  Failure& failure_;
  std::map<std::tuple<const Task*, int, int>, std::optional<ItemsSpec>> known_;
};

// What keeps items of a size from going into a model; empty when nothing does. `label`: what the
// model is called.
[[nodiscard]] std::optional<Error> misfit_source(const Task& task, const tasks::TaskKind& kind,
                                                 const ModelEntry& model, const std::string& label,
                                                 diffusion::PictureSize size);

}  // namespace isocost::experiments

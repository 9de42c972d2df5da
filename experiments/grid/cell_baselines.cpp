#include "experiments/grid/cell_baselines.h"

#include "base/check.h"
#include "experiments/world/world.h"

namespace isocost::experiments {
namespace {

constexpr const char* kAutoencoder = "autoencoder";  // a label

ItemsSpec items_beside(const CellRequest& cell, const ReadyTask& ready,
                       const tasks::Baseline& row) {
  ItemsSpec items = cell.sample.items.is_empty() ? ready.baseline_items : cell.sample.items;
  const std::string slot(tasks::slot_key(row.slot));
  if (const auto more = ready.items.more.find(slot); more != ready.items.more.end())
    items.inputs[slot] = more->second;
  return items;
}

CellRequest cell_of(const tasks::Baseline& row, const CellRequest& drawn, const Task& task,
                    const ReadyTask& ready, const ModelEntry& model) {
  CellRequest cell;
  if (!task.name.empty()) cell.labels["task"] = task.name;
  cell.labels["baseline"] = row.name;
  SampleSpec& sample = cell.sample;
  sample.task = row.name;
  sample.parameters = tasks::parameters_beside(*tasks::find_task(task.kind));
  sample.prompts = drawn.sample.prompts;
  sample.items = items_beside(drawn, ready, row);
  sample.height = drawn.sample.height;
  sample.width = drawn.sample.width;
  sample.group_size = drawn.sample.group_size;
  if (row.has_autoencoder) {
    const std::string& vae = drawn.sample.inputs.at("vae");
    sample.inputs["vae"] = vae;
    cell.labels[kAutoencoder] = model.names.at(vae);
    cell.cost.gflops_encode = model.gflops_encode(sample.height, sample.width);
    cell.cost.gflops_decode = model.gflops_decode(sample.height, sample.width);
  }
  cell.images = drawn.images;
  cell.scores = drawn.scores;
  cell.keep_pictures = drawn.keep_pictures;
  return cell;
}

}  // namespace

void CellBaselines::beside(const CellRequest& cell, const Task& task, const ReadyTask& ready,
                           const ModelEntry& model, const std::string& size_where) {
  if (task.baselines.empty() || !fits(cell, task, ready, size_where)) return;
  for (const Placed& baseline : task.baselines) {
    const auto* row = tasks::find_baseline(baseline.value.get_ref<const std::string&>());
    ISOCOST_CHECK(row != nullptr, "a parsed baseline is one of the table");
    const std::string vae = row->has_autoencoder ? cell.sample.inputs.at("vae") : std::string();
    if (!known_.emplace(&task, row->name, vae, cell.sample.height, cell.sample.width).second)
      continue;
    if (row->has_autoencoder) autoencoders_.insert(vae);
    cells_.push_back(cell_of(*row, cell, task, ready, model));
  }
}

// Scenes of the mini world have one size.
bool CellBaselines::fits(const CellRequest& cell, const Task& task, const ReadyTask& ready,
                         const std::string& size_where) {
  if (ready.baseline_items.is_empty()) return task.data.has_value();
  const int height = cell.sample.height, width = cell.sample.width;
  if (height == world::kSide && width == world::kSide) return true;
  if (told_sizes_.emplace(height, width).second) {
    const std::string side = std::to_string(world::kSide);
    failure_.add(size_where,
                 "pictures of " + std::to_string(height) + " x " + std::to_string(width) +
                     " pixels have no baselines: the mini world's are of another size",
                 side + " x " + side + ", or no baselines");
  }
  return false;
}

std::vector<CellRequest> CellBaselines::take() {
  if (autoencoders_.size() < 2)  // nothing that it would tell apart
    for (CellRequest& cell : cells_) cell.labels.erase(kAutoencoder);
  return std::move(cells_);
}

}  // namespace isocost::experiments

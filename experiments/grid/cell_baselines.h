// The cells of baselines, beside those of a grid's tasks. For experiments/grid alone.
//
//   CellBaselines baselines(failure);
//   for each cell that is drawn: baselines.beside(cell, task, ready, model, size_where);
//   for (CellRequest& cell : baselines.take()) ...
//
// A baseline stands once a task, a size and, where it is one's, an autoencoder; its scores, images
// and items are those of the cells that it stands beside.
#pragma once

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "experiments/grid/ready_task.h"
#include "schema/tasks/baseline.h"

namespace isocost::experiments {

class CellBaselines {
 public:
  explicit CellBaselines(Failure& failure) : failure_(failure) {}

  // Requires: a cell with all of its sample, images and scores. `size_where`: what set its size.
  void beside(const CellRequest& cell, const Task& task, const ReadyTask& ready,
              const ModelEntry& model, const std::string& size_where);
  // In the order in which tasks came.
  [[nodiscard]] std::vector<CellRequest> take();

 private:
  bool fits(const CellRequest& cell, const Task& task, const ReadyTask& ready,
            const std::string& size_where);

  Failure& failure_;
  std::vector<CellRequest> cells_;
  std::set<std::tuple<const Task*, std::string, std::string, int, int>> known_;
  std::set<std::pair<int, int>> told_sizes_;
  std::set<std::string> autoencoders_;  // digests
};

}  // namespace isocost::experiments

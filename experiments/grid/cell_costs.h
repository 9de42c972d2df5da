// What a grid's cells cost: a network at a size is summed up once and used by many cells.
//
//   CellCosts costs(failure);
//   const auto cost = costs.of(sample, kind, model, calls, {.label = "w16", .size_where = where});
//
// Fails with, in `failure`: pictures that do not fit the model. Thread: one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "experiments/grid/catalog.h"
#include "schema/spec.h"

namespace isocost::experiments {

class CellCosts {
 public:
  struct Names {
    std::string label;       // what the model is called
    std::string size_where;  // what set the picture's size
  };

  explicit CellCosts(Failure& failure) : failure_(failure) {}
  // Nothing where a fault was told. Requires: the sample's size and parameters. The model stays
  // where it is for as long as this is asked.
  [[nodiscard]] std::optional<CellCost> of(const SampleSpec& sample, const tasks::TaskKind& kind,
                                           const ModelEntry& model, const tasks::Calls& calls,
                                           const Names& names);

 private:
  struct Price {
    double gflops_per_call = 0;
    double gflops_encode = 0;
    double gflops_decode = 0;
  };

  Failure& failure_;
  std::map<std::tuple<const ModelEntry*, int, int>, std::optional<Price>> prices_;
};

}  // namespace isocost::experiments

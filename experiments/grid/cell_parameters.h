// The task's parameters of a grid's cells: what axes, defaults and the task say, resolved against
// the model's folder.
//
//   CellParameters parameters(failure);
//   const auto calls = parameters.fill(sample, task, settings, model, sampler);
//   if (!parameters.has_effect("strength")) ...       // when all cells are known
//   if (parameters.is_idle(task, "strength")) ...
//
// Fails with, in `failure`: what tasks::key_parameters says, a strength that leaves no step.
// Thread: one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "experiments/grid/cell_samplers.h"

namespace isocost::experiments {

class CellParameters {
 public:
  explicit CellParameters(Failure& failure) : failure_(failure) {}

  // Fills the sample's parameters as its key has them; gives the calls that they leave. Nothing
  // where a fault was told. Requires: the sample's guidance; what is handed over stays where it is.
  [[nodiscard]] std::optional<tasks::Calls> fill(SampleSpec& sample, const Task& task,
                                                 const Settings& settings, const ModelEntry& model,
                                                 const ReadySampler& sampler);
  // Whether it is in the key of any cell.
  [[nodiscard]] bool has_effect(const std::string& name) const;
  // Whether a task has cells, and it is in the key of none. The task is one that `fill` was given.
  [[nodiscard]] bool is_idle(const Task& task, const std::string& name) const;

 private:
  struct Found {
    Json parameters;
    tasks::Calls calls;
  };
  // What they depend on, by places in memory: many cells share a few of them.
  using Key = std::tuple<const Task*, const ModelEntry*, const ReadySampler*, double,
                         std::vector<const Placed*>>;

  [[nodiscard]] std::optional<Found> find(double guidance, const Task& task,
                                          const Settings& settings, const ModelEntry& model,
                                          const ReadySampler& sampler);

  Failure& failure_;
  std::map<Key, std::optional<Found>> known_;
  std::map<const Task*, std::set<std::string>> effective_;  // of each task with cells
};

// The tasks that have a parameter.
[[nodiscard]] std::vector<std::string> tasks_with(const std::string& parameter);

}  // namespace isocost::experiments

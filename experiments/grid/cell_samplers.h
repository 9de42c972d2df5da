// The samplers of a grid's cells: each choice resolved once against a model's own scheduler.
//
//   CellSamplers samplers(failure);
//   const ReadySampler* sampler = samplers.of(settings, kind, model, "w16");
//   if (!samplers.has_effect("sampler.eta")) ...      // when all cells are known
//
// Fails with, in `failure`: what sampling::resolve says, at the grid's places. Thread: one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiments/grid/catalog.h"
#include "experiments/grid/settings.h"
#include "schema/tasks/task.h"

namespace isocost::experiments {

struct ReadySampler {
  sampling::SamplerConfig config;
  Json json;  // as SampleSpec has it
};

class CellSamplers {
 public:
  explicit CellSamplers(Failure& failure) : failure_(failure) {}

  // `label`: what the model is called. Null: its fault is told. Settings and model stay where they
  // are for as long as this is asked.
  [[nodiscard]] const ReadySampler* of(const Settings& settings, const tasks::TaskKind& kind,
                                       const ModelEntry& model, const std::string& label);
  // Whether an option, as a path, is in the key of any of them.
  [[nodiscard]] bool has_effect(const std::string& path) const { return effective_.contains(path); }

 private:
  Failure& failure_;
  std::map<std::vector<const void*>, std::optional<ReadySampler>> known_;
  std::set<std::string> effective_;  // paths of options
};

}  // namespace isocost::experiments

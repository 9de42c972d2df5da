#include "experiments/grid/cell_parameters.h"

#include <algorithm>

#include "base/check.h"

namespace isocost::experiments {

std::optional<tasks::Calls> CellParameters::fill(SampleSpec& sample, const Task& task,
                                                 const Settings& settings, const ModelEntry& model,
                                                 const ReadySampler& sampler) {
  Key key{&task, &model, &sampler, sample.guidance, {}};
  for (const auto& [unused, placed] : settings.parameters) std::get<4>(key).push_back(placed);
  auto known = known_.find(key);
  if (known == known_.end())
    known =
        known_.emplace(std::move(key), find(sample.guidance, task, settings, model, sampler)).first;
  if (!known->second) return std::nullopt;
  sample.parameters = known->second->parameters;
  return known->second->calls;
}

std::optional<CellParameters::Found> CellParameters::find(double guidance, const Task& task,
                                                          const Settings& settings,
                                                          const ModelEntry& model,
                                                          const ReadySampler& sampler) {
  const auto* kind = tasks::find_task(task.kind);
  ISOCOST_CHECK(kind != nullptr, "a parsed task is of a kind of the table");
  Json said = Json::object();
  // Of a fault the place that is most likely to be changed.
  std::string where = task.where.empty() ? settings.steps->where : task.where;
  for (const auto& [name, placed] : settings.parameters) {
    said[name] = placed->value;
    where = placed->where;
  }
  auto parameters = tasks::key_parameters(*kind, said, guidance, model.facts, where);
  if (!parameters) {
    failure_.add(parameters.error());
    return std::nullopt;
  }
  const tasks::Calls calls = kind->calls(sampler.config, guidance, *parameters);
  if (calls.calls == 0) {
    failure_.add(where,
                 canonical(*parameters) + " leaves none of " + canonical(settings.steps->value) +
                     " steps in " + kind->name,
                 "more steps, or more of the picture drawn anew");
    return std::nullopt;
  }
  std::set<std::string>& effective = effective_[&task];
  for (const auto& [name, unused] : settings.parameters)
    if (parameters->contains(name)) effective.insert(name);
  return Found{std::move(*parameters), calls};
}

bool CellParameters::has_effect(const std::string& name) const {
  return std::any_of(effective_.begin(), effective_.end(),
                     [&](const auto& of_task) { return of_task.second.contains(name); });
}

bool CellParameters::is_idle(const Task& task, const std::string& name) const {
  const auto of_task = effective_.find(&task);
  return of_task != effective_.end() && !of_task->second.contains(name);
}

std::vector<std::string> tasks_with(const std::string& parameter) {
  std::vector<std::string> names;
  for (const auto& row : tasks::task_kinds())
    if (find_option(row.parameters, parameter) != nullptr) names.push_back(row.name);
  return names;
}

}  // namespace isocost::experiments

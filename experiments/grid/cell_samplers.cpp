#include "experiments/grid/cell_samplers.h"

#include "schema/samplers/resolve.h"

namespace isocost::experiments {
namespace {

Json choice_of(const Settings& settings) {
  Json choice = {{"sampler", settings.sampler->value}, {"steps", settings.steps->value}};
  for (const auto& [option, placed] : settings.options) choice[option] = placed->value;
  if (settings.spacing == nullptr) return choice;
  const bool is_karras = settings.spacing->value == "karras";
  if (!is_karras) choice["timestep_spacing"] = settings.spacing->value;
  // A spacing that is asked for wins over the Karras sigmas of a model's own scheduler.
  const auto* row = sampling::find_sampler(settings.sampler->value.get_ref<const std::string&>());
  if (is_karras || (row != nullptr && row->may_space_by_karras))
    choice["use_karras_sigmas"] = is_karras;
  return choice;
}

sampling::FaultPlaces places_of(const Settings& settings, const ModelEntry& model,
                                const std::string& label) {
  // Of a fault of the choice, the place that is most likely to be changed.
  const Placed* blamed = settings.options.empty() ? settings.steps : settings.options.back().second;
  const std::string name = "the model " + label;
  return {.choice = blamed->where,
          .stored = settings.model->where + ": " + name + ": " + model.scheduler_file,
          .together = settings.steps->where + ": " + name};
}

}  // namespace

const ReadySampler* CellSamplers::of(const Settings& settings, const tasks::TaskKind& kind,
                                     const ModelEntry& model, const std::string& label) {
  // Values stand once each, so their places in memory tell them apart.
  std::vector<const void*> key = {&model, &kind, settings.sampler, settings.steps,
                                  settings.spacing};
  for (const auto& [unused, placed] : settings.options) key.push_back(placed);
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second ? &*known->second : nullptr;
  auto& slot = known_[key];
  const auto stored = sampling::stored_scheduler(model.scheduler_config, kind.runs_as);
  const auto resolved =
      sampling::resolve(stored, choice_of(settings), places_of(settings, model, label));
  if (!resolved) {
    failure_.add(resolved.error());
    return nullptr;
  }
  slot = ReadySampler{*resolved, sampling::to_json(*resolved)};
  for (const auto& [option, placed] : settings.options)
    if (slot->json.contains(option)) effective_.insert("sampler." + option);
  return &*slot;
}

}  // namespace isocost::experiments

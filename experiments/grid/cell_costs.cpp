#include "experiments/grid/cell_costs.h"

namespace isocost::experiments {

std::optional<CellCost> CellCosts::of(const SampleSpec& sample, const tasks::TaskKind& kind,
                                      const ModelEntry& model, const tasks::Calls& calls,
                                      const Names& names) {
  const int height = sample.height, width = sample.width;
  auto known = prices_.find({&model, height, width});
  if (known == prices_.end()) {
    std::optional<Price> price;
    if (height % model.vae_factor == 0 && width % model.vae_factor == 0)
      price = {model.gflops_per_call(height, width), model.gflops_encode(height, width),
               model.gflops_decode(height, width)};
    else
      failure_.add(names.size_where,
                   std::to_string(height) + " x " + std::to_string(width) +
                       " pixels do not fit the model " + names.label,
                   "multiples of " + std::to_string(model.vae_factor));
    known = prices_.emplace(std::tuple(&model, height, width), price).first;
  }
  if (!known->second) return std::nullopt;
  CellCost cost;
  cost.steps_calls = calls.calls;
  cost.calls_per_image = calls.evaluations();
  cost.gflops_per_call = known->second->gflops_per_call;
  if (kind.encodes != nullptr)
    cost.gflops_encode = known->second->gflops_encode *
                         static_cast<double>(kind.encodes({.network = model.unet.in_channels,
                                                           .latent = model.vae.latent_channels},
                                                          sample.parameters));
  cost.gflops_decode = known->second->gflops_decode;
  cost.gflops_text = model.gflops_text;
  cost.parameters = model.parameters;
  cost.weight_bytes = model.weight_bytes;
  return cost;
}

}  // namespace isocost::experiments

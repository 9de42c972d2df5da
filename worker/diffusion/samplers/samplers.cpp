#include <map>

#include "schema/check.h"
#include "worker/diffusion/samplers/solvers.h"

namespace isocost::diffusion {

at::Tensor sample(const sampling::SamplerConfig& config, const Predict& predict,
                  const Trajectory& start) {
  using Solver = at::Tensor (*)(const sampling::SamplerConfig&, const Predict&, const Trajectory&);
  static const std::map<std::string, Solver> kSolvers = {
      {"ddim", ddim},
      {"ddpm", ddpm},
      {"dpmpp-2m", dpmpp_2m},
  };
  const auto solver = kSolvers.find(config.sampler);
  ISOCOST_CHECK(solver != kSolvers.end(), "a resolved sampler has a solver");
  return solver->second(config, predict, start);
}

}  // namespace isocost::diffusion

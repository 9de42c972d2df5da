#include "worker/diffusion/metrics/neighbours.h"

namespace isocost::diffusion {

Result<Json> score_recall(const ScoreInput& input, const Json& protocol) {
  return share_values(input,
                      reached_by_generated_balls(input, protocol.at("k").get<std::int64_t>()));
}

}  // namespace isocost::diffusion

#include "worker/diffusion/metrics/neighbours.h"

namespace isocost::diffusion {

Result<Json> score_coverage(const ScoreInput& input, const Json& protocol) {
  return share_values(input, reached_in_real_balls(input, protocol.at("k").get<std::int64_t>()));
}

}  // namespace isocost::diffusion

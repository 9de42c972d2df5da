// Balls of nearest neighbours, which precision, recall, density and coverage count with.
//
// A picture's ball reaches to its k-th nearest other picture of its own set (Kynkäänniemi et al.
// 2019); what lies on its surface is within. Distances are squared and in float64, computed in
// blocks; the reference's balls are kept with it. Pure but for that, any thread.
#pragma once

#include "worker/diffusion/metrics/jackknife.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {

// [n]: the squared distance of each row to the k-th nearest other one. Requires: more than k rows.
[[nodiscard]] at::Tensor squared_radii(const at::Tensor& rows, std::int64_t k);
// [n]: within how many balls of the reference each generated picture lies.
[[nodiscard]] at::Tensor balls_around(const ScoreInput& input, std::int64_t k);

// Of the reference's pictures, the share that is reached: that of all images, and that without each
// group of them (empty where images are too few for groups).
struct ReachedShare {
  double value = 0;
  std::vector<double> left_out;
};
// By a ball of a generated picture (recall). The balls of the others grow when a group is left out.
[[nodiscard]] ReachedShare reached_by_generated_balls(const ScoreInput& input, std::int64_t k);
// By a generated picture within the real one's own ball (coverage).
[[nodiscard]] ReachedShare reached_in_real_balls(const ScoreInput& input, std::int64_t k);

// The scores of such a share.
[[nodiscard]] Json share_values(const ScoreInput& input, const ReachedShare& share);

}  // namespace isocost::diffusion

#include "worker/diffusion/metrics/neighbours.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace isocost::diffusion {
namespace {

constexpr std::int64_t kNeighbourBlockRows = 512;  // bounds the matrix of distances in memory
constexpr double kFar = std::numeric_limits<double>::infinity();

at::Tensor squared_distances(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor of_a = (a * a).sum(1, true), of_b = (b * b).sum(1);
  return (of_a + of_b - 2 * at::mm(a, b.t())).clamp_min(0);
}

// Rows about the reference's mean: distances are the same, and rounding is less.
struct Sets {
  at::Tensor generated, real;
};
Sets sets_of(const ScoreInput& input) {
  const at::Tensor centre = input.reference->statistics.mean;
  return {input.rows.to(at::kDouble) - centre, input.reference->rows.to(at::kDouble) - centre};
}

at::Tensor real_radii(const ScoreInput& input, const at::Tensor& real, std::int64_t k) {
  return input.reference->kept("radii " + std::to_string(k),
                               [&] { return squared_radii(real, k); });
}

// Whether groups of images can be left out, each image keeping k others.
bool has_groups(std::int64_t n, std::int64_t k) {
  return n >= kGroupedImagesMin && n - (n + kGroups - 1) / kGroups > k;
}

// Distances of a block of rows to all rows, their own made endless.
at::Tensor distances_to_others(const at::Tensor& rows, std::int64_t begin) {
  at::Tensor distances = squared_distances(rows.slice(0, begin, begin + kNeighbourBlockRows), rows);
  distances.diagonal(begin).fill_(kFar);
  return distances;
}

// [groups, n]: the radii that are left without each group. In each group the k nearest are enough
// to know the k-th nearest of all the others.
at::Tensor radii_without_groups(const at::Tensor& rows, std::int64_t k) {
  const std::int64_t n = rows.size(0), per_group = (n + kGroups - 1) / kGroups;
  std::vector<at::Tensor> blocks;
  for (std::int64_t begin = 0; begin < n; begin += kNeighbourBlockRows) {
    const at::Tensor distances =
        at::constant_pad_nd(distances_to_others(rows, begin), {0, per_group * kGroups - n}, kFar);
    // Column i belongs to group i % kGroups.
    const at::Tensor by_group = distances.view({-1, per_group, kGroups});
    const at::Tensor nearest = std::get<0>(by_group.topk(std::min(k, per_group), 1, false));
    std::vector<at::Tensor> without;
    for (std::int64_t g = 0; g < kGroups; ++g) {
      at::Tensor others = nearest.clone();
      others.select(2, g).fill_(kFar);
      without.push_back(std::get<0>(others.flatten(1).kthvalue(k)));
    }
    blocks.push_back(at::stack(without));
  }
  return at::cat(blocks, 1);
}

double share_of(const at::Tensor& is_reached) {
  return is_reached.to(at::kDouble).mean().item<double>();
}

}  // namespace

at::Tensor squared_radii(const at::Tensor& rows, std::int64_t k) {
  ISOCOST_CHECK(rows.size(0) > k, "the plan knows that each picture has so many neighbours");
  const at::Tensor all = rows.to(at::kDouble);
  std::vector<at::Tensor> radii;
  for (std::int64_t begin = 0; begin < all.size(0); begin += kNeighbourBlockRows)
    radii.push_back(std::get<0>(distances_to_others(all, begin).kthvalue(k)));
  return at::cat(radii);
}

at::Tensor balls_around(const ScoreInput& input, std::int64_t k) {
  const auto [generated, real] = sets_of(input);
  const at::Tensor radii = real_radii(input, real, k);
  std::vector<at::Tensor> counts;
  for (std::int64_t begin = 0; begin < generated.size(0); begin += kNeighbourBlockRows) {
    const at::Tensor block = generated.slice(0, begin, begin + kNeighbourBlockRows);
    counts.push_back(squared_distances(block, real).le(radii).sum(1).to(at::kDouble));
  }
  return at::cat(counts);
}

ReachedShare reached_by_generated_balls(const ScoreInput& input, std::int64_t k) {
  const auto [generated, real] = sets_of(input);
  const std::int64_t n = generated.size(0), m = real.size(0);
  const at::Tensor radii = squared_radii(generated, k).unsqueeze(1);
  const bool is_grouped = has_groups(n, k);
  const at::Tensor grown = is_grouped ? radii_without_groups(generated, k) : at::Tensor();
  const at::Tensor group = at::arange(n) % kGroups;
  at::Tensor is_reached = at::zeros({m}, at::kBool);
  at::Tensor without = at::zeros({kGroups, m}, at::kBool);
  for (std::int64_t begin = 0; begin < n; begin += kNeighbourBlockRows) {
    const std::int64_t end = std::min(begin + kNeighbourBlockRows, n);
    const at::Tensor distances = squared_distances(generated.slice(0, begin, end), real);
    is_reached.logical_or_(distances.le(radii.slice(0, begin, end)).any(0));
    for (std::int64_t g = 0; is_grouped && g < kGroups; ++g) {
      // A ball that is left out reaches nothing: no distance is below -1.
      const at::Tensor reach =
          grown[g].slice(0, begin, end).masked_fill(group.slice(0, begin, end).eq(g), -1);
      without[g].logical_or_(distances.le(reach.unsqueeze(1)).any(0));
    }
  }
  ReachedShare share{share_of(is_reached), {}};
  for (std::int64_t g = 0; is_grouped && g < kGroups; ++g)
    share.left_out.push_back(share_of(without[g]));
  return share;
}

ReachedShare reached_in_real_balls(const ScoreInput& input, std::int64_t k) {
  const auto [generated, real] = sets_of(input);
  const std::int64_t n = generated.size(0), m = real.size(0);
  const at::Tensor radii = real_radii(input, real, k);
  at::Tensor reached = at::zeros({kGroups, m}, at::kBool);  // by images of each group
  for (std::int64_t g = 0; g < kGroups; ++g) {
    const at::Tensor members = generated.slice(0, g, std::nullopt, kGroups);
    for (std::int64_t begin = 0; begin < members.size(0); begin += kNeighbourBlockRows) {
      const at::Tensor block = members.slice(0, begin, begin + kNeighbourBlockRows);
      reached[g].logical_or_(squared_distances(block, real).le(radii).any(0));
    }
  }
  const at::Tensor groups = reached.sum(0);  // [m]: how many reach it
  ReachedShare share{share_of(groups.gt(0)), {}};
  for (std::int64_t g = 0; n >= kGroupedImagesMin && g < kGroups; ++g)
    share.left_out.push_back(share_of((groups - reached[g].to(at::kLong)).gt(0)));
  return share;
}

Json share_values(const ScoreInput& input, const ReachedShare& share) {
  Json notes = Json::array();
  const Interval interval = share.left_out.empty() ? no_interval(share.value, notes)
                                                   : group_jackknife(share.value, share.left_out);
  return Json{{"value", share.value},           {"low", interval.low},
              {"high", interval.high},          {"n", input.rows.size(0)},
              {"features", input.rows.size(1)}, {"reference_n", input.reference->rows.size(0)},
              {"interval", interval.about},     {"notes", notes}};
}

}  // namespace isocost::diffusion

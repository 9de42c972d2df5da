#include "coordinator/core/policy.h"

#include <tuple>

namespace isocost::core {
namespace {

auto rank(const Candidate& candidate) {
  const bool is_starving = candidate.passed_over >= kPassedOverMax;
  const auto spread = -static_cast<std::ptrdiff_t>(candidate.workers);
  return std::tuple(candidate.priority, is_starving, !candidate.has_network, candidate.is_warm,
                    spread, candidate.gflops);
}

}  // namespace

std::optional<std::size_t> choose(const std::vector<Candidate>& candidates) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (!best || rank(candidates[*best]) < rank(candidates[i])) best = i;
  return best;
}

}  // namespace isocost::core

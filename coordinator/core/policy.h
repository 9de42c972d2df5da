// What a worker runs next: a pure choice among kinds of work that it may run.
//
//   std::optional<std::size_t> best = choose(candidates);
//
// In this order: higher priority; a class that was passed over too often (so that keeping workers
// on a warm model is unfair only for a bounded time); units without a network of their own (scores
// and references are short and let cells complete); what the worker has warm; the class with the
// fewest workers for its work; longer units first. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace isocost::core {

// A class of ready units that need the same things, and its best unit.
struct Candidate {
  int priority = 0;
  bool is_warm = false;
  bool has_network = true;
  std::uint32_t passed_over = 0;  // leases given to other classes while this one could have run
  std::size_t workers = 0;        // that run units of this class now
  double gflops = 0;              // of its best unit
};

// A class waits for at most so many leases of others at its priority.
inline constexpr std::uint32_t kPassedOverMax = 64;

// The index of the best; the first of equals. None when there is no candidate.
[[nodiscard]] std::optional<std::size_t> choose(const std::vector<Candidate>& candidates);

}  // namespace isocost::core

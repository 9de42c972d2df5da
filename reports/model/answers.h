// What to use within each budget, and how sure that is.
//
// An answer leads with the cheapest setting that is not told apart from the best one: who has the
// budget for the best may keep the rest of it. Both lie on the envelope, so nothing that costs as
// much or less has a better value. Pure; orders are fixed.
#pragma once

#include <string>
#include <vector>

#include "reports/model/statistics.h"

namespace isocost::report {

struct Answer {
  double budget = 0;
  Setting use;   // the cheapest of the envelope that is not told apart from `best`; else `best`
  Setting best;  // the best value within the budget
  std::optional<Difference> use_gap;        // its value less the best one's, where they differ
  std::optional<Setting> runner_up;         // the best of the others
  std::optional<Difference> runner_up_gap;  // its value less the best one's
  bool runner_up_is_resolved = false;
  std::optional<Setting> other_model;  // the best of the other models
  std::optional<Difference> other_model_gap;
  bool other_model_is_resolved = false;
  std::size_t tied = 0;  // others that are not told apart from the best one

  [[nodiscard]] bool use_is_best() const { return use.point == best.point; }
  // How many times the best one costs what `use` costs.
  [[nodiscard]] double times_dearer(std::size_t axis) const {
    return *best.point->costs[axis] / *use.point->costs[axis];
  }
};

[[nodiscard]] std::vector<double> budgets(double cheapest, double dearest);
[[nodiscard]] std::vector<Answer> answers(const std::vector<Setting>& settings, const Study& study,
                                          std::size_t axis);

// "four times", "1.3 times".
[[nodiscard]] std::string times_in_words(double factor);
// "three", "fifteen", "204"; "12 040" with a narrow space.
[[nodiscard]] std::string in_words(std::size_t count);

// What makes an answer uncertain, a sentence each without its full stop, the weightiest first:
// ties, no interval, an optimum at the edge of the grid, few images. Empty: it is told apart from
// all else within the budget.
[[nodiscard]] std::vector<std::string> doubts(const Answer& answer, const Study& study);
// The same of several answers: what is true of one of them at least.
[[nodiscard]] std::vector<std::string> doubts(const std::vector<Answer>& list, const Study& study);

}  // namespace isocost::report

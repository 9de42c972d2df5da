// What a study says: optimal guidance, the lower envelope, and findings on hypotheses
// (reports/model/answers.h has what to use at which budget).
//
// All of it is ranked by the study's choice group (FID). Picking the best of k guidances on the
// images that it is then reported on flatters it (min-of-k bias); every number says of which kind
// it is (`Source`). Where finalists exist, the guidance is chosen on the first images and the value
// is taken from the others. Pure; orders are fixed.
#pragma once

#include <string>
#include <vector>

#include "reports/model/comparison.h"
#include "reports/model/study.h"

namespace isocost::report {

enum class Source {
  kChosenAndJudgedOnSameImages,
  kJudgedOnOtherImages,
};

// One way to make pictures, with its guidance chosen.
struct Setting {
  const Point* point = nullptr;  // the cell that was chosen
  const Score* score = nullptr;  // what `value`, `low`, `high` and `n` were taken from
  double value = 0;
  std::optional<double> low, high;
  std::uint64_t n = 0;
  Source source = Source::kChosenAndJudgedOnSameImages;
  std::size_t candidates = 0;  // k: guidances it was chosen from
  // The best guidance is the grid's lowest or highest, or no number of steps of its model and
  // series is greater: the grid may be too narrow. Nothing lies below no guidance.
  bool is_at_edge = false;
  bool is_at_most_steps = false;
};

// The best guidance of each (model, series, steps), in that order, judged on the images it was
// chosen on.
[[nodiscard]] std::vector<Setting> optimal_settings(const Study& study);

// What may answer a budget: as optimal_settings but told apart by network calls too (no guidance
// costs half), from the finalists alone where they cover the envelope.
[[nodiscard]] std::vector<Setting> candidate_settings(const Study& study);

[[nodiscard]] bool is_better(double a, double b, const Metric& metric);
[[nodiscard]] bool same_way(const Setting& a, const Setting& b);  // guidance apart

// Those that nothing cheaper or equally dear beats, by rising cost.
[[nodiscard]] std::vector<Setting> envelope(const std::vector<Setting>& settings,
                                            const Study& study, std::size_t axis);

// True if the 95 % interval of their difference (reports/model/comparison.h) excludes 0. False
// where there is none.
[[nodiscard]] bool is_resolved(const Setting& a, const Setting& b);

// A hypothesis and what the data say of it.
struct Finding {
  std::string hypothesis;
  std::string verdict;  // "holds", "does not hold", "not resolved", "not tested"
  std::string evidence;
};
[[nodiscard]] std::vector<Finding> findings(const Study& study, const std::vector<Setting>& optimal,
                                            const std::vector<Setting>& candidates);

}  // namespace isocost::report

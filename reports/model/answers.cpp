#include "reports/model/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "reports/model/display.h"
#include "schema/metrics/metric.h"

namespace isocost::report {
namespace {

constexpr std::size_t kBudgetsMax = 9;
// Fewer are said to be few: below the 2048 features of Inception the covariance that a Frechet
// distance compares is singular, and its bias is of the order of what settings differ by. What is
// averaged picture by picture settles sooner.
constexpr std::uint64_t kFewForSets = 2048, kFewForPictures = 256;

// The best of the others, of the other models, and how many are not told apart.
void compare(const std::vector<Setting>& settings, const Study& study, std::size_t axis,
             Answer& answer) {
  const Metric& metric = study.choice->metric;
  for (const Setting& other : settings) {
    if (!other.point->costs[axis] || *other.point->costs[axis] > answer.budget ||
        same_way(other, answer.best))
      continue;
    if (!answer.runner_up || is_better(other.value, answer.runner_up->value, metric))
      answer.runner_up = other;
    if (other.point->model != answer.best.point->model &&
        (!answer.other_model || is_better(other.value, answer.other_model->value, metric)))
      answer.other_model = other;
    const bool has_intervals = other.low && answer.best.low;
    if (has_intervals && !is_resolved(other, answer.best)) ++answer.tied;
  }
  if (answer.runner_up)
    answer.runner_up_gap = difference(*answer.runner_up->score, *answer.best.score);
  if (answer.other_model)
    answer.other_model_gap = difference(*answer.other_model->score, *answer.best.score);
  answer.runner_up_is_resolved = answer.runner_up && is_resolved(*answer.runner_up, answer.best);
  answer.other_model_is_resolved =
      answer.other_model && is_resolved(*answer.other_model, answer.best);
}

// `front` up to the best one: the first that is not told apart from it, or the better one of those
// that cost as much as far as measuring tells.
void lead_with_cheapest(const std::vector<Setting>& front, std::size_t axis, Answer& answer) {
  answer.use = answer.best;
  if (!answer.best.low) return;
  const Setting* cheapest = nullptr;
  for (const Setting& setting : front) {
    if (*setting.point->costs[axis] > answer.budget || setting.point == answer.best.point) break;
    if (!setting.low || is_resolved(setting, answer.best)) continue;
    if (cheapest != nullptr && is_dearer(*setting.point, *cheapest->point, axis)) break;
    if (cheapest == nullptr) cheapest = &setting;
    answer.use = setting;
  }
  if (cheapest != nullptr && !is_dearer(*answer.best.point, *cheapest->point, axis))
    answer.use = answer.best;
  if (!answer.use_is_best()) answer.use_gap = difference(*answer.use.score, *answer.best.score);
}

std::uint64_t few_images(const Metric& metric) {
  const auto* row = metrics::find_metric(metric.name);
  return row != nullptr && row->reference != metrics::ReferenceNeed::kNone ? kFewForSets
                                                                           : kFewForPictures;
}

bool has_few_images(const Setting& setting, const Study& study) {
  return setting.n < few_images(study.choice->metric);
}

std::string few_text(const Setting& setting, const Study& study) {
  return fmt::format("{} {} {} few for {}: four times as many halve its intervals", setting.n,
                     setting.n == 1 ? "image" : "images", setting.n == 1 ? "is" : "are",
                     study.choice->metric.label);
}

}  // namespace

std::vector<double> budgets(double cheapest, double dearest) {
  static const std::vector<std::vector<double>> kSeries = {
      {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8}, {1, 1.5, 2, 3, 5, 7}, {1, 2, 5}, {1, 3}, {1}};
  std::vector<double> list;
  for (const auto& series : kSeries) {
    list.clear();
    for (int exponent = static_cast<int>(std::floor(std::log10(cheapest)));
         list.empty() || list.back() < dearest; ++exponent)
      for (const double mantissa : series) {
        // Divided, not multiplied, below 1: 2 / 100 reads 0.02.
        const double budget =
            exponent < 0 ? mantissa / std::pow(10, -exponent) : mantissa * std::pow(10, exponent);
        if (budget >= cheapest && (list.empty() || list.back() < dearest)) list.push_back(budget);
      }
    if (list.size() <= kBudgetsMax) break;
  }
  return list;
}

std::vector<Answer> answers(const std::vector<Setting>& settings, const Study& study,
                            std::size_t axis) {
  const std::vector<Setting> front = envelope(settings, study, axis);
  if (front.empty()) return {};
  double dearest = 0;
  for (const Setting& setting : settings)
    dearest = std::max(dearest, setting.point->costs[axis].value_or(0));
  std::vector<Answer> list;
  for (const double budget : budgets(*front.front().point->costs[axis], dearest)) {
    Answer& answer = list.emplace_back();
    answer.budget = budget;
    for (const Setting& setting : front)
      if (*setting.point->costs[axis] <= budget) answer.best = setting;
    lead_with_cheapest(front, axis, answer);
    compare(settings, study, axis, answer);
  }
  return list;
}

std::string in_words(std::size_t count) {
  static constexpr std::array kWords = {
      "no",       "one",     "two",     "three",     "four",     "five",     "six",
      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
  return count < kWords.size() ? kWords[count] : display(static_cast<double>(count), 12);
}

std::string times_in_words(double factor) {
  const double whole = std::round(factor);
  if (whole < 2 || std::abs(factor - whole) > 0.05 * factor || whole > 20)
    return display(factor, factor < 10 ? 2 : 3) + " times";
  return whole == 2 ? "twice" : in_words(static_cast<std::size_t>(whole)) + " times";
}

std::vector<std::string> doubts(const Answer& answer, const Study& study) {
  std::vector<std::string> list;
  if (answer.tied > 0)
    list.push_back(fmt::format(
        "{} other setting{} within the budget {} not told apart from the best",
        in_words(answer.tied), answer.tied == 1 ? "" : "s", answer.tied == 1 ? "is" : "are"));
  if (answer.runner_up && (!answer.runner_up->low || !answer.best.low))
    list.push_back("without an interval any lead may be chance");
  if (answer.use.is_at_edge)
    list.push_back(
        fmt::format("guidance {} is at the edge of the grid: a better one may lie outside",
                    display(answer.use.point->guidance)));
  // The cheapest that is not told apart has the most steps: fewer are told apart from it.
  if (answer.use.is_at_most_steps)
    list.push_back(fmt::format("the grid has no more than {} steps: more may do better",
                               answer.use.point->steps));
  if (has_few_images(answer.use, study)) list.push_back(few_text(answer.use, study));
  return list;
}

std::vector<std::string> doubts(const std::vector<Answer>& all, const Study& study) {
  std::vector<std::string> list;
  std::size_t tied = 0, most = 0, edges = 0, steps = 0;
  bool lacks_interval = false;
  for (const Answer& answer : all) {
    if (answer.tied > 0) ++tied;
    most = std::max(most, answer.tied);
    if (answer.use.is_at_edge) ++edges;
    if (answer.use.is_at_most_steps) ++steps;
    lacks_interval |= answer.runner_up && (!answer.runner_up->low || !answer.best.low);
  }
  const auto of_budgets = [&](std::size_t count) {
    return count == all.size() && count > 1
               ? fmt::format("at all {} budgets", in_words(count))
               : fmt::format("at {} of {} budget{}", in_words(count), in_words(all.size()),
                             all.size() == 1 ? "" : "s");
  };
  if (tied > 0)
    list.push_back(fmt::format("{} {}{} other setting{} {} not told apart from the best",
                               of_budgets(tied), most > 1 ? "up to " : "", in_words(most),
                               most == 1 ? "" : "s", most == 1 ? "is" : "are"));
  if (lacks_interval) list.push_back("without an interval any lead may be chance");
  if (edges > 0)
    list.push_back(
        fmt::format("{} the guidance is at the edge of the grid: a better one may lie outside",
                    of_budgets(edges)));
  if (steps > 0)
    list.push_back(
        fmt::format("{} the grid has no more steps: more may do better", of_budgets(steps)));
  if (!all.empty() && has_few_images(all.front().use, study))
    list.push_back(few_text(all.front().use, study));
  return list;
}

}  // namespace isocost::report

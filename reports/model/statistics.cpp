#include "reports/model/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "reports/model/display.h"

namespace isocost::report {
namespace {

Setting setting_of(const Study& study, const Group& group, std::size_t index) {
  const Score& score = *group.scores[index];
  Setting setting;
  setting.point = &study.points[index];
  setting.score = &score;
  setting.value = *score.value;
  setting.low = score.low;
  setting.high = score.high;
  setting.n = score.n;
  return setting;
}

// Indices of the group's scored points by (model, series, steps, calls or 0).
using GroupKey = std::tuple<std::size_t, std::size_t, std::uint64_t, std::uint64_t>;
std::map<GroupKey, std::vector<std::size_t>> scored_by_setting(const Study& study,
                                                               const Group& group, bool by_calls) {
  std::map<GroupKey, std::vector<std::size_t>> sets;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    if (!group.scores[i] || !group.scores[i]->value) continue;
    const Point& point = study.points[i];
    sets[{place_of(study.models, point.model), place_of(study.series, point.series), point.steps,
          by_calls ? point.cell->cost.calls_per_image : 0}]
        .push_back(i);
  }
  return sets;
}

Setting best_of(const Study& study, const Group& group, const std::vector<std::size_t>& indices) {
  std::set<double> guidances;
  std::size_t best = indices.front();
  for (const std::size_t i : indices) {
    guidances.insert(study.points[i].guidance);
    if (is_better(*group.scores[i]->value, *group.scores[best]->value, group.metric)) best = i;
  }
  Setting setting = setting_of(study, group, best);
  setting.candidates = guidances.size();
  const double w = study.points[best].guidance;
  setting.is_at_edge =
      guidances.size() > 2 && ((w == *guidances.begin() && w > 1) || w == *guidances.rbegin());
  return setting;
}

std::vector<Setting> best_settings(const Study& study, const Group& group, bool by_calls) {
  std::vector<Setting> settings;
  for (const auto& [key, indices] : scored_by_setting(study, group, by_calls))
    settings.push_back(best_of(study, group, indices));
  std::map<std::pair<std::string, std::string>, std::set<std::uint64_t>> steps;
  for (const Setting& one : settings)
    steps[{one.point->model, one.point->series}].insert(one.point->steps);
  for (Setting& one : settings) {
    const auto& all = steps[{one.point->model, one.point->series}];
    one.is_at_most_steps = all.size() > 1 && one.point->steps == *all.rbegin();
  }
  return settings;
}

// The choice stands, the value comes from the images that were not used to choose.
std::vector<Setting> judged(const Study& study, const std::vector<Setting>& chosen) {
  std::map<std::string, std::size_t> by_key;
  for (std::size_t i = 0; i < study.points.size(); ++i)
    if (study.judgement->scores[i] && study.judgement->scores[i]->value)
      by_key.emplace(study.points[i].cell->sample_key, i);
  std::vector<Setting> settings;
  for (const Setting& setting : chosen) {
    const auto found = by_key.find(setting.point->cell->sample_key);
    if (found == by_key.end()) continue;
    Setting other = setting_of(study, *study.judgement, found->second);
    other.candidates = setting.candidates;
    other.is_at_edge = setting.is_at_edge;
    other.is_at_most_steps = setting.is_at_most_steps;
    other.source = Source::kJudgedOnOtherImages;
    settings.push_back(other);
  }
  return settings;
}

bool covers(const std::vector<Setting>& settings, const std::vector<Setting>& wanted) {
  std::set<std::string> keys;
  for (const Setting& setting : settings) keys.insert(setting.point->cell->sample_key);
  return std::all_of(wanted.begin(), wanted.end(), [&](const Setting& setting) {
    return keys.contains(setting.point->cell->sample_key);
  });
}

std::string with_interval(const Setting& setting) {
  return display_interval(setting.value, setting.low, setting.high);
}

std::string label_of(const Metric& metric) { return metric.label; }

// --- "bigger is better at 50 steps"
// -----------------------------------------------------------------------------------

struct SizeOrder {
  std::string series;
  std::uint64_t steps = 0;
  std::vector<Setting> by_size;
  std::size_t resolved_pairs = 0, falling_pairs = 0;
  std::vector<std::string> breaks;  // neighbours where the bigger one is worse
  std::size_t resolved_breaks = 0;
};

SizeOrder size_order(const Study& study, const std::vector<Setting>& settings,
                     const std::string& series, std::uint64_t steps) {
  SizeOrder order{series, steps, {}, 0, 0, {}, 0};
  for (const Setting& setting : settings) {
    if (setting.point->series != series || setting.point->steps != steps) continue;
    auto& list = order.by_size;
    if (list.empty() || list.back().point->model != setting.point->model)
      list.push_back(setting);
    else if (is_better(setting.value, list.back().value, study.choice->metric))
      list.back() = setting;
  }
  for (std::size_t i = 1; i < order.by_size.size(); ++i) {
    const Setting& small = order.by_size[i - 1];
    const Setting& big = order.by_size[i];
    const bool resolved = is_resolved(small, big);
    if (is_better(big.value, small.value, study.choice->metric)) {
      ++order.falling_pairs;
      if (resolved) ++order.resolved_pairs;
    } else {
      order.breaks.push_back(fmt::format("{} ({}) is {} than {} ({})", big.point->model,
                                         with_interval(big), resolved ? "worse" : "not better",
                                         small.point->model, with_interval(small)));
      if (resolved) ++order.resolved_breaks;
    }
  }
  return order;
}

// Judged on other images where finalists of all these sizes are there, else on those that chose the
// guidance: half of the sizes would be another hypothesis.
SizeOrder best_size_order(const Study& study, const std::vector<Setting>& optimal,
                          const std::vector<Setting>& candidates, const std::string& series,
                          std::uint64_t steps) {
  SizeOrder chosen = size_order(study, optimal, series, steps);
  if (candidates.empty() || candidates.front().source != Source::kJudgedOnOtherImages)
    return chosen;
  SizeOrder judged = size_order(study, candidates, series, steps);
  return judged.by_size.size() == chosen.by_size.size() ? judged : chosen;
}

Finding bigger_is_better(const Study& study, const std::vector<Setting>& optimal,
                         const std::vector<Setting>& candidates, const std::string& series) {
  std::uint64_t steps = 0;  // 50, or the most there are
  for (const Setting& setting : optimal) {
    const std::uint64_t candidate = setting.point->steps;
    if (setting.point->series == series && steps != 50 && (candidate == 50 || candidate > steps))
      steps = candidate;
  }
  const SizeOrder order = best_size_order(study, optimal, candidates, series, steps);
  const std::string where = steps == 0 ? "" : fmt::format(" at {} steps", steps);
  Finding finding{fmt::format("Bigger is better{} ({})", where, series), "", ""};
  if (order.by_size.size() < 2) {
    finding.verdict = "not tested";
    finding.evidence = "Fewer than two models have a score there.";
    return finding;
  }
  const std::size_t pairs = order.by_size.size() - 1;
  finding.verdict = order.breaks.empty()
                        ? (order.resolved_pairs == pairs ? "holds" : "holds, not all resolved")
                    : order.resolved_breaks > 0 ? "does not hold"
                                                : "not resolved";
  finding.evidence = fmt::format(
      "{} from {} {} to {} {}. Of {} neighbouring sizes {} improve{}, {} of them beyond the "
      "interval of the difference.",
      label_of(study.choice->metric), order.by_size.front().point->model,
      with_interval(order.by_size.front()), order.by_size.back().point->model,
      with_interval(order.by_size.back()), pairs, order.falling_pairs,
      order.falling_pairs == 1 ? "s" : "", order.resolved_pairs);
  for (const std::string& one : order.breaks) finding.evidence += " " + one + ".";
  if (order.by_size.front().source == Source::kJudgedOnOtherImages)
    finding.evidence += " Judged on images that were not used to choose the guidance.";
  return finding;
}

// --- "the envelope is made of several models" ----------------------------------------------

Finding several_models(const Study& study, const std::vector<Setting>& candidates) {
  const auto points = envelope(candidates, study, kGflopsAxis);
  Finding finding{
      "The envelope of " + label_of(study.choice->metric) + " over cost is made of several models",
      "", ""};
  std::vector<std::string> models;
  for (const Setting& point : points)
    if (std::find(models.begin(), models.end(), point.point->model) == models.end())
      models.push_back(point.point->model);
  std::size_t won = 0, resolved = 0;  // points where a dearer model could run too and does worse
  for (const Setting& point : points) {
    const Setting* rival = nullptr;
    for (const Setting& other : candidates) {
      if (!other.point->costs[kGflopsAxis] ||
          *other.point->costs[kGflopsAxis] > *point.point->costs[kGflopsAxis])
        continue;
      if (other.point->cell->cost.gflops_per_call <= point.point->cell->cost.gflops_per_call)
        continue;
      if (!rival || is_better(other.value, rival->value, study.choice->metric)) rival = &other;
    }
    if (!rival) continue;
    ++won;
    if (is_resolved(point, *rival)) ++resolved;
  }
  finding.verdict = study.models.size() < 2 ? "not tested"
                    : models.size() < 2     ? "does not hold"
                    : resolved > 0          ? "holds"
                                            : "not resolved";
  finding.evidence = fmt::format(
      "It has {} points of {} model{}: {}. At {} of them a bigger model is affordable as well and "
      "does worse, "
      "at {} beyond the interval of the difference.",
      points.size(), models.size(), models.size() == 1 ? "" : "s", fmt::join(models, ", "), won,
      resolved);
  return finding;
}

}  // namespace

bool is_better(double a, double b, const Metric& metric) {
  return metric.is_lower_better ? a < b : a > b;
}

bool same_way(const Setting& a, const Setting& b) {
  return a.point->model == b.point->model && a.point->series == b.point->series &&
         a.point->steps == b.point->steps;
}

std::vector<Setting> optimal_settings(const Study& study) {
  return study.choice ? best_settings(study, *study.choice, false) : std::vector<Setting>{};
}

std::vector<Setting> candidate_settings(const Study& study) {
  if (!study.choice) return {};
  std::vector<Setting> chosen = best_settings(study, *study.choice, true);
  if (!study.judgement) return chosen;
  std::vector<Setting> finalists = judged(study, chosen);
  return covers(finalists, envelope(chosen, study, kGflopsAxis)) ? finalists : chosen;
}

std::vector<Setting> envelope(const std::vector<Setting>& settings, const Study& study,
                              std::size_t axis) {
  std::vector<Setting> by_cost;
  for (const Setting& setting : settings)
    if (setting.point->costs[axis]) by_cost.push_back(setting);
  std::stable_sort(by_cost.begin(), by_cost.end(), [&](const Setting& a, const Setting& b) {
    const double x = *a.point->costs[axis], y = *b.point->costs[axis];
    return x != y ? x < y : is_better(a.value, b.value, study.choice->metric);
  });
  std::vector<Setting> kept;
  for (const Setting& setting : by_cost)
    if (kept.empty() || is_better(setting.value, kept.back().value, study.choice->metric))
      kept.push_back(setting);
  return kept;
}

bool is_resolved(const Setting& a, const Setting& b) {
  const auto gap = difference(*a.score, *b.score);
  return gap && (gap->low > 0 || gap->high < 0);
}

std::vector<Finding> findings(const Study& study, const std::vector<Setting>& optimal,
                              const std::vector<Setting>& candidates) {
  std::vector<Finding> list;
  if (!study.choice) return list;
  if (study.models.size() > 1)
    for (const std::string& series : study.series)
      list.push_back(bigger_is_better(study, optimal, candidates, series));
  list.push_back(several_models(study, candidates));
  return list;
}

}  // namespace isocost::report

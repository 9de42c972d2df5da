#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "reports/model/tables.h"

namespace isocost::report {
namespace {

std::string source_text(Source source) {
  switch (source) {
    case Source::kChosenAndJudgedOnSameImages:
      return "chosen and judged on the same images";
    case Source::kJudgedOnOtherImages:
      return "judged on images that were not used to choose";
  }
  return "";
}

// Builds rows by naming each value; the first row names the columns.
class Rows {
 public:
  Rows(std::string name, std::string description)
      : table_{std::move(name), std::move(description), {}, {}} {}
  void start() { table_.rows.emplace_back(); }
  Rows& put(const std::string& column, Json value) {
    ISOCOST_CHECK(!table_.rows.empty(), "a row is begun before it is filled");
    if (table_.rows.size() == 1) table_.columns.push_back({column, ""});
    table_.rows.back().push_back(std::move(value));
    return *this;
  }
  Table take() { return std::move(table_); }

 private:
  Table table_;
};

void put_way(Rows& rows, const Study& study, const Point& point) {
  rows.put("model", point.model)
      .put("model_order", place_of(study.models, point.model))
      .put("series", point.series);
  rows.put("series_order", place_of(study.series, point.series))
      .put("sampler", point.sampler)
      .put("timestep_spacing", point.spacing);
  rows.put("steps", point.steps).put("guidance", point.guidance);
}

void put_costs(Rows& rows, const Point& point) {
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
    rows.put(cost_axes()[axis].column, number_or_null(point.costs[axis]));
}

void put_value(Rows& rows, const Setting& setting) {
  rows.put("value", setting.value)
      .put("low", number_or_null(setting.low))
      .put("high", number_or_null(setting.high));
  rows.put("n", setting.n).put("source", source_text(setting.source));
}

// The other metrics of the same cell over the same images.
void put_companions(Rows& rows, const Study& study, const Group& group, std::size_t index) {
  std::set<std::string> metrics;
  for (const Group& other : study.groups) metrics.insert(other.metric.name);
  for (const std::string& metric : metrics) {
    const Group* other = metric == group.metric.name ? &group : study.companion(group, metric);
    const Score* score = other ? other->scores[index] : nullptr;
    rows.put(metric, score ? number_or_null(score->value) : Json());
    rows.put(metric + "_low", score ? number_or_null(score->low) : Json());
    rows.put(metric + "_high", score ? number_or_null(score->high) : Json());
  }
}

std::size_t index_of(const Study& study, const Setting& setting) {
  return static_cast<std::size_t>(setting.point - study.points.data());
}

Table optimal_table(const Report& report) {
  const Study& study = report.study;
  Rows rows("optimal", "The best guidance of each model, sampler, spacing and number of steps.");
  std::map<std::string, const Score*> judged_by_key;
  for (std::size_t i = 0; study.judgement && i < study.points.size(); ++i)
    if (study.judgement->scores[i])
      judged_by_key.emplace(study.points[i].cell->sample_key, study.judgement->scores[i]);
  for (const Setting& setting : report.optimal) {
    rows.start();
    put_way(rows, study, *setting.point);
    rows.put("candidates", setting.candidates).put("is_at_edge", setting.is_at_edge);
    put_value(rows, setting);
    put_costs(rows, *setting.point);
    put_companions(rows, study, *study.choice, index_of(study, setting));
    const auto found = judged_by_key.find(setting.point->cell->sample_key);
    const Score* judged = found == judged_by_key.end() ? nullptr : found->second;
    rows.put("judged_value", judged ? number_or_null(judged->value) : Json());
    rows.put("judged_low", judged ? number_or_null(judged->low) : Json());
    rows.put("judged_high", judged ? number_or_null(judged->high) : Json());
    rows.put("judged_n", judged && judged->value ? Json(judged->n) : Json());
    rows.put("experiment", setting.point->cell->experiment)
        .put("number", setting.point->cell->number);
    rows.put("sample_key", setting.point->cell->sample_key);
  }
  return rows.take();
}

Table scores_table(const Report& report) {
  const Study& study = report.study;
  Rows rows("scores", "Every cell of the group that the ranking goes by.");
  for (std::size_t i = 0; study.choice && i < study.points.size(); ++i) {
    const Score* score = study.choice->scores[i];
    if (!score || !score->value) continue;
    rows.start();
    put_way(rows, study, study.points[i]);
    rows.put("value", *score->value)
        .put("low", number_or_null(score->low))
        .put("high", number_or_null(score->high));
    put_costs(rows, study.points[i]);
    put_companions(rows, study, *study.choice, i);
  }
  return rows.take();
}

Table envelope_table(const Report& report) {
  Rows rows("envelope",
            "The lower envelope: what nothing cheaper or equally dear beats, for each cost axis.");
  for (std::size_t axis = 0; axis < report.envelopes.size(); ++axis)
    for (const Setting& setting : report.envelopes[axis]) {
      rows.start();
      rows.put("cost_axis", cost_axes()[axis].column).put("cost", *setting.point->costs[axis]);
      put_way(rows, report.study, *setting.point);
      put_value(rows, setting);
    }
  return rows.take();
}

void put_short(Rows& rows, const std::string& prefix, const std::optional<Setting>& setting,
               std::size_t axis) {
  const Point* point = setting ? setting->point : nullptr;
  rows.put(prefix + "model", point ? Json(point->model) : Json())
      .put(prefix + "series", point ? Json(point->series) : Json());
  rows.put(prefix + "steps", point ? Json(point->steps) : Json())
      .put(prefix + "guidance", point ? Json(point->guidance) : Json());
  rows.put(prefix + "cost", point ? number_or_null(point->costs[axis]) : Json());
  rows.put(prefix + "value", setting ? Json(setting->value) : Json());
  rows.put(prefix + "low", setting ? number_or_null(setting->low) : Json());
  rows.put(prefix + "high", setting ? number_or_null(setting->high) : Json());
}

void put_gap(Rows& rows, const std::string& prefix, const std::optional<Difference>& gap) {
  rows.put(prefix + "gap", gap ? Json(gap->value) : Json())
      .put(prefix + "gap_low", gap ? Json(gap->low) : Json())
      .put(prefix + "gap_high", gap ? Json(gap->high) : Json());
}

Table answer_table(const Report& report) {
  Rows rows("answer", "What to use at which budget, for each cost axis.");
  for (std::size_t axis = 0; axis < report.answers.size(); ++axis)
    for (const Answer& answer : report.answers[axis]) {
      rows.start();
      rows.put("cost_axis", cost_axes()[axis].column).put("budget", answer.budget);
      rows.put("metric", report.study.choice->metric.name);
      put_short(rows, "", answer.best, axis);
      rows.put("n", answer.best.n).put("source", source_text(answer.best.source));
      put_short(rows, "runner_up_", answer.runner_up, axis);
      put_gap(rows, "runner_up_", answer.runner_up_gap);
      rows.put("runner_up_is_resolved",
               answer.runner_up ? Json(answer.runner_up_is_resolved) : Json());
      put_short(rows, "other_model_", answer.other_model, axis);
      put_gap(rows, "other_model_", answer.other_model_gap);
      rows.put("other_model_is_resolved",
               answer.other_model ? Json(answer.other_model_is_resolved) : Json());
      rows.put("tied", answer.tied);
      put_short(rows, "cheapest_tied_", answer.cheapest_tied, axis);
    }
  return rows.take();
}

Table findings_table(const Report& report) {
  Rows rows("findings", "Hypotheses, and what the data say of them.");
  for (const Finding& finding : report.findings) {
    rows.start();
    rows.put("hypothesis", finding.hypothesis)
        .put("verdict", finding.verdict)
        .put("evidence", finding.evidence);
  }
  return rows.take();
}

Table fits_table(const Report& report) {
  Rows rows("fits", "Power laws y = E + A x^-a with 95 % intervals.");
  for (const NamedFit& fit : report.fits) {
    rows.start();
    rows.put("fit", fit.name).put("points", fit.law.points).put("r_squared", fit.law.r_squared);
    for (const auto& [name, interval] :
         {std::pair{"E", fit.law.e}, std::pair{"A", fit.law.a_factor},
          std::pair{"a", fit.law.exponent}})
      rows.put(name, interval.value)
          .put(std::string(name) + "_low", interval.low)
          .put(std::string(name) + "_high", interval.high);
  }
  return rows.take();
}

Table failed_table(const Report& report) {
  Rows rows("failed", "Cells that failed, with the reason.");
  for (const Point& point : report.study.points) {
    if (!point.cell->failure) continue;
    rows.start();
    rows.put("experiment", point.cell->experiment).put("number", point.cell->number);
    put_way(rows, report.study, point);
    rows.put("failure_class", point.cell->failure->failure_class)
        .put("failure_reason", point.cell->failure->reasons());
    rows.put("unit", point.cell->failure->unit)
        .put("measured_failed_attempts", point.cell->failure->attempts);
    rows.put("measured_failure_log", point.cell->failure->log_tail);
  }
  return rows.take();
}

Table protocols_table(const Report& report) {
  Rows rows("protocols",
            "What each score was computed with. Scores of different rows are never compared.");
  for (const Group& group : report.study.groups) {
    rows.start();
    rows.put("group", group.id).put("metric", group.metric.name).put("cells", group.count);
    rows.put("images",
             std::to_string(group.spec.range.begin) + "-" + std::to_string(group.spec.range.end));
    rows.put("task", group.task).put("height", group.height).put("width", group.width);
    rows.put("prompts", group.prompts).put("extractor", canonical(to_json(group.spec.extractor)));
    rows.put("extractor_id", extractor_id(group.spec.extractor));
    rows.put("reference", group.spec.reference.empty() ? Json() : Json(group.spec.reference));
    const Reference* reference = report.study.data->reference_of(group.spec);
    const auto count = reference == nullptr ? std::nullopt : reference->count();
    rows.put("reference_n", count ? Json(*count) : Json());
    rows.put("protocol", canonical(group.spec.protocol));
    rows.put("use", &group == report.study.choice      ? "ranking"
                    : &group == report.study.judgement ? "judging"
                                                       : "");
  }
  return rows.take();
}

}  // namespace

std::vector<Table> derived_tables(const Report& report) {
  return {optimal_table(report), scores_table(report),   envelope_table(report),
          answer_table(report),  findings_table(report), fits_table(report),
          failed_table(report),  protocols_table(report)};
}

}  // namespace isocost::report

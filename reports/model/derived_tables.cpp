#include "reports/model/derived_tables.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace isocost::report {
namespace {

constexpr int kCurvePoints = 40;
constexpr std::uint64_t kFewSteps = 20;  // where super-resolution crosses over in Mei et al. (2024)

std::string source_text(Source source) {
  switch (source) {
    case Source::kChosenAndJudgedOnSameImages:
      return "chosen and judged on the same images";
    case Source::kJudgedOnOtherImages:
      return "judged on images that were not used to choose";
  }
  return "";
}

void put_model(Rows& rows, const Study& study, const Point& point) {
  rows.put("model", point.model)
      .put("model_order", place_of(study.models, point.model))
      .put("series", point.series)
      .put("series_order", place_of(study.series, point.series))
      .put("sampler", point.sampler)
      .put("timestep_spacing", point.spacing)
      .put("steps", point.steps)
      .put("guidance", point.guidance);
}

void put_way(Rows& rows, const Study& study, const Point& point) {
  rows.put("task", study.task);
  put_model(rows, study, point);
}

void put_costs(Rows& rows, const Point& point) {
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis)
    rows.put(cost_axes()[axis].column, number_or_null(point.costs[axis]));
}

void put_cost(Rows& rows, const Point& point, std::size_t axis) {
  const auto& range = point.cost_ranges[axis];
  rows.put("cost", number_or_null(point.costs[axis]))
      .put("cost_low", range ? Json(range->low) : Json())
      .put("cost_high", range ? Json(range->high) : Json());
}

void put_value(Rows& rows, const Study& study, const Setting& setting) {
  rows.put("metric", study.choice->metric.name)
      .put("value", setting.value)
      .put("low", number_or_null(setting.low))
      .put("high", number_or_null(setting.high))
      .put("n", setting.n)
      .put("source", source_text(setting.source));
}

void put_cell(Rows& rows, const Point& point) {
  rows.put("experiment", point.cell->experiment)
      .put("number", point.cell->number)
      .put("sample_key", point.cell->sample_key);
}

// Of all tasks, so that every row has the same columns.
std::set<std::string> metrics_of(const Report& report) {
  std::set<std::string> metrics;
  for (const TaskReport& task : report.tasks)
    for (const Group& group : task.study.groups) metrics.insert(group.metric.name);
  return metrics;
}

// The other metrics of the same cell over the same images.
void put_companions(Rows& rows, const Study& study, const std::set<std::string>& metrics,
                    std::size_t index) {
  const Group& group = *study.choice;
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

void add_optimal(Rows& rows, const TaskReport& task, const std::set<std::string>& metrics) {
  const Study& study = task.study;
  std::map<std::string, const Score*> judged_by_key;
  for (std::size_t i = 0; study.judgement && i < study.points.size(); ++i)
    if (study.judgement->scores[i])
      judged_by_key.emplace(study.points[i].cell->sample_key, study.judgement->scores[i]);
  for (const Setting& setting : task.optimal) {
    const Point& point = *setting.point;
    rows.start();
    put_way(rows, study, point);
    rows.put("steps_range", point.steps <= kFewSteps ? "up to 20 steps" : "above 20 steps");
    rows.put("candidates", setting.candidates)
        .put("is_at_edge", setting.is_at_edge)
        .put("is_at_most_steps", setting.is_at_most_steps);
    rows.put("parameters", point.cell->cost.parameters)
        .put("gflops_per_call", point.cell->cost.gflops_per_call);
    put_value(rows, study, setting);
    put_costs(rows, point);
    put_companions(rows, study, metrics, index_of(study, setting));
    const auto found = judged_by_key.find(point.cell->sample_key);
    const Score* judged = found == judged_by_key.end() ? nullptr : found->second;
    rows.put("judged_value", judged ? number_or_null(judged->value) : Json());
    rows.put("judged_low", judged ? number_or_null(judged->low) : Json());
    rows.put("judged_high", judged ? number_or_null(judged->high) : Json());
    rows.put("judged_n", judged && judged->value ? Json(judged->n) : Json());
    put_cell(rows, point);
  }
}

Table optimal_table(const Report& report) {
  Rows rows("optimal");
  const auto metrics = metrics_of(report);
  for (const TaskReport& task : report.tasks) add_optimal(rows, task, metrics);
  return rows.take();
}

Table points_table(const Report& report) {
  Rows rows("points");
  const auto metrics = metrics_of(report);
  for (const TaskReport& task : report.tasks) {
    const Study& study = task.study;
    for (std::size_t i = 0; study.choice && i < study.points.size(); ++i) {
      const Score* score = study.choice->scores[i];
      if (!score || !score->value) continue;
      rows.start();
      put_way(rows, study, study.points[i]);
      rows.put("metric", study.choice->metric.name)
          .put("value", *score->value)
          .put("low", number_or_null(score->low))
          .put("high", number_or_null(score->high));
      put_costs(rows, study.points[i]);
      put_companions(rows, study, metrics, i);
    }
  }
  return rows.take();
}

Table envelope_table(const Report& report) {
  Rows rows("envelope");
  for (const TaskReport& task : report.tasks)
    for (std::size_t axis = 0; axis < task.envelopes.size(); ++axis)
      for (const Setting& setting : task.envelopes[axis]) {
        rows.start();
        rows.put("cost_axis", cost_axes()[axis].column);
        put_cost(rows, *setting.point, axis);
        put_way(rows, task.study, *setting.point);
        put_value(rows, task.study, setting);
        put_cell(rows, *setting.point);
      }
  return rows.take();
}

struct NamedSetting {
  const char* role;
  const Setting* setting;
  std::optional<Difference> gap;
};

void add_answer(Rows& rows, const TaskReport& task, std::size_t axis, const Answer& answer) {
  std::vector<NamedSetting> list = {{"use", &answer.use, answer.use_gap},
                                    {"best", &answer.best, std::nullopt}};
  if (answer.runner_up) list.push_back({"runner-up", &*answer.runner_up, answer.runner_up_gap});
  if (answer.other_model)
    list.push_back({"other model", &*answer.other_model, answer.other_model_gap});
  for (const NamedSetting& one : list) {
    const Setting& setting = *one.setting;
    const auto& gap = one.gap;
    rows.start();
    rows.put("task", task.study.task)
        .put("cost_axis", cost_axes()[axis].column)
        .put("budget", answer.budget)
        .put("role", one.role);
    put_model(rows, task.study, *setting.point);
    put_cost(rows, *setting.point, axis);
    put_value(rows, task.study, setting);
    rows.put("gap", gap ? Json(gap->value) : Json())
        .put("gap_low", gap ? Json(gap->low) : Json())
        .put("gap_high", gap ? Json(gap->high) : Json())
        .put("is_told_apart", gap ? Json(gap->low > 0 || gap->high < 0) : Json())
        .put("tied", answer.tied)
        .put("is_at_edge", setting.is_at_edge)
        .put("is_at_most_steps", setting.is_at_most_steps);
    std::string told;
    for (const std::string& doubt : doubts(answer, task.study))
      told += (told.empty() ? "" : "; ") + doubt;
    rows.put("doubts", one.setting == &answer.use ? text_or_null(told) : Json());
    put_cell(rows, *setting.point);
  }
}

Table answer_table(const Report& report) {
  Rows rows("answer");
  for (const TaskReport& task : report.tasks)
    for (std::size_t axis = 0; axis < task.answers.size(); ++axis)
      for (const Answer& answer : task.answers[axis]) add_answer(rows, task, axis, answer);
  return rows.take();
}

Table findings_table(const Report& report) {
  Rows rows("findings");
  for (const TaskReport& task : report.tasks)
    for (const Finding& finding : task.findings) {
      rows.start();
      rows.put("task", task.study.task)
          .put("hypothesis", finding.hypothesis)
          .put("verdict", finding.verdict)
          .put("evidence", finding.evidence);
    }
  return rows.take();
}

Table fits_table(const Report& report) {
  Rows rows("fits");
  for (const TaskReport& task : report.tasks)
    for (const NamedFit& one : task.fits) {
      const auto& law = one.fit.law;
      rows.start();
      rows.put("task", task.study.task)
          .put("fit", one.name)
          .put("refusal", text_or_null(one.fit.refusal))
          .put("points", law ? Json(law->points) : Json())
          .put("r_squared", law ? Json(law->r_squared) : Json());
      for (const auto& [name, member] :
           {std::pair{"E", &PowerLaw::e}, {"A", &PowerLaw::a_factor}, {"a", &PowerLaw::exponent}})
        rows.put(name, law ? Json(((*law).*member).value) : Json())
            .put(std::string(name) + "_low", law ? Json(((*law).*member).low) : Json())
            .put(std::string(name) + "_high", law ? Json(((*law).*member).high) : Json());
    }
  return rows.take();
}

// From its first point to its last, evenly on a logarithmic axis.
std::vector<double> curve_places(const NamedFit& fit) {
  std::vector<double> places;
  places.reserve(kCurvePoints);
  for (int i = 0; i < kCurvePoints; ++i)
    places.push_back(fit.from * std::pow(fit.to / fit.from, i / double{kCurvePoints - 1}));
  return places;
}

void put_band(Rows& rows, const NamedFit& fit, double x) {
  const Interval band = fit.fit.law->band_at(x);
  rows.put("value", band.value).put("low", band.low).put("high", band.high);
}

Table envelope_fit_table(const Report& report) {
  Rows rows("envelope_fit");
  for (const TaskReport& task : report.tasks)
    for (const NamedFit& fit : task.fits) {
      if (!fit.fit.law || fit.over != NamedFit::Over::kEnvelope) continue;
      for (const double x : curve_places(fit)) {
        rows.start();
        rows.put("task", task.study.task)
            .put("cost_axis", cost_axes()[kGflopsAxis].column)
            .put("cost", x);
        put_band(rows, fit, x);
      }
    }
  return rows.take();
}

Table size_fit_table(const Report& report) {
  Rows rows("size_fit");
  for (const TaskReport& task : report.tasks)
    for (const NamedFit& fit : task.fits) {
      if (!fit.fit.law || fit.over != NamedFit::Over::kSize) continue;
      for (const double x : curve_places(fit)) {
        rows.start();
        rows.put("task", task.study.task)
            .put("series", fit.series)
            .put("series_order", place_of(task.study.series, fit.series))
            .put("steps", fit.steps)
            .put("gflops_per_call", x);
        put_band(rows, fit, x);
      }
    }
  return rows.take();
}

Table failed_table(const Report& report) {
  Rows rows("failed");
  for (const PlacedPoint& at : placed_points(report)) {
    const Cell& cell = *at.point().cell;
    if (!cell.failure) continue;
    rows.start();
    rows.put("experiment", cell.experiment).put("number", cell.number);
    put_way(rows, at.task->study, at.point());
    rows.put("failure_class", cell.failure->failure_class)
        .put("failure_reason", cell.failure->reasons());
    rows.put("unit", cell.failure->unit).put("measured_failed_attempts", cell.failure->attempts);
    rows.put("measured_failure_log", cell.failure->log_tail);
  }
  return rows.take();
}

void add_protocols(Rows& rows, const Study& study) {
  for (const Group& group : study.groups) {
    const ScoreSpec& spec = group.spec;
    rows.start();
    rows.put("task", study.task)
        .put("group", group.id)
        .put("metric", group.metric.name)
        .put("cells", group.count)
        .put("images_begin", spec.range.begin)
        .put("images_end", spec.range.end);
    rows.put("method", study.task_row).put("height", study.height).put("width", study.width);
    rows.put("prompts", text_or_null(study.prompts))
        .put("extractor", extractor_id(spec.extractor))
        .put("extractor_kind", spec.extractor.kind)
        .put("extractor_input", text_or_null(spec.extractor.input));
    rows.put("reference", text_or_null(spec.reference));
    const Reference* reference = study.data->reference_of(spec);
    const auto count = reference == nullptr ? std::nullopt : reference->count();
    rows.put("reference_n", count ? Json(*count) : Json());
    rows.put("protocol", canonical(spec.protocol));
    rows.put("use", &group == study.choice      ? Json("ranking")
                    : &group == study.judgement ? Json("judging")
                                                : Json());
  }
}

Table protocols_table(const Report& report) {
  Rows rows("protocols");
  for (const TaskReport& task : report.tasks) add_protocols(rows, task.study);
  return rows.take();
}

}  // namespace

std::vector<Table> derived_tables(const Report& report) {
  return {optimal_table(report),      points_table(report),   envelope_table(report),
          answer_table(report),       findings_table(report), fits_table(report),
          envelope_fit_table(report), size_fit_table(report), failed_table(report),
          protocols_table(report)};
}

}  // namespace isocost::report

#include "reports/model/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"
#include "reports/model/display.h"
#include "reports/model/pictures.h"
#include "reports/model/tables.h"

namespace isocost::report {
namespace {

double standard_error(const Setting& setting) {
  return setting.low && setting.high ? (*setting.high - *setting.low) / (2 * 1.959964) : 0;
}

FitPoint fit_point(double x, const Setting& setting) {
  return {x, setting.value, standard_error(setting)};
}

NamedFit named_fit(std::string name, const std::vector<FitPoint>& points) {
  NamedFit fit;
  fit.name = std::move(name);
  for (const FitPoint& point : points) {
    fit.from = fit.from == 0 ? point.x : std::min(fit.from, point.x);
    fit.to = std::max(fit.to, point.x);
  }
  fit.fit = fit_power_law(points);
  return fit;
}

std::string main_series_of(const Study& study) {
  std::map<std::string, std::size_t> counts;
  if (const Group* group = study.choice)
    for (std::size_t i = 0; i < study.points.size(); ++i)
      if (group->scores[i] && group->scores[i]->value) ++counts[study.points[i].series];
  std::string best;
  for (const std::string& series : study.series)
    if (best.empty() || counts[series] > counts[best]) best = series;
  return best;
}

// The metric over size at the most steps of a series.
NamedFit size_fit(const TaskReport& task, const std::string& series) {
  std::uint64_t steps = 0;
  for (const Setting& setting : task.optimal)
    if (setting.point->series == series) steps = std::max(steps, setting.point->steps);
  std::vector<FitPoint> points;
  for (const Setting& setting : task.optimal)
    if (setting.point->series == series && setting.point->steps == steps)
      points.push_back(fit_point(setting.point->cell->cost.gflops_per_call, setting));
  NamedFit fit = named_fit(fmt::format("{} over GFLOPs of one call, {}, {} steps",
                                       task.study.choice->metric.label, series, steps),
                           points);
  fit.over = NamedFit::Over::kSize;
  fit.series = series;
  fit.steps = steps;
  return fit;
}

// What falls with compute; a metric that rises would need another law.
std::vector<NamedFit> fits_of(const TaskReport& task) {
  std::vector<NamedFit> fits;
  if (!task.study.choice || !task.study.choice->metric.is_lower_better) return fits;
  std::vector<FitPoint> points;
  for (const Setting& setting : task.envelopes[kGflopsAxis])
    points.push_back(fit_point(*setting.point->costs[kGflopsAxis], setting));
  fits.push_back(
      named_fit(task.study.choice->metric.label + " on the envelope over GFLOPs an image", points));
  if (task.study.models.size() > 1)
    for (const std::string& series : task.study.series) fits.push_back(size_fit(task, series));
  return fits;
}

}  // namespace

std::size_t Table::index(const std::string& column) const {
  return static_cast<std::size_t>(std::find_if(columns.begin(), columns.end(),
                                               [&](const Column& c) { return c.name == column; }) -
                                  columns.begin());
}

std::vector<Row> Table::rows() const {
  std::vector<Row> list;
  list.reserve(size);
  for (std::size_t i = 0; i < size; ++i) list.push_back(row(i));
  return list;
}

const Table* Report::table(const std::string& name) const {
  for (const Table& table : tables)
    if (table.name == name) return &table;
  return nullptr;
}

Report make_report(ReportData data) {
  Report report;
  report.data = std::make_shared<const ReportData>(std::move(data));
  for (Study& study : make_studies(report.data)) {
    TaskReport& task = report.tasks.emplace_back();
    task.study = std::move(study);
    task.main_series = main_series_of(task.study);
    task.optimal = optimal_settings(task.study);
    task.candidates = candidate_settings(task.study);
    for (std::size_t axis = 0; axis < cost_axes().size(); ++axis) {
      task.envelopes.push_back(task.study.choice ? envelope(task.candidates, task.study, axis)
                                                 : std::vector<Setting>{});
      task.answers.push_back(task.study.choice ? answers(task.candidates, task.study, axis)
                                               : std::vector<Answer>{});
    }
    task.findings = findings(task.study, task.optimal, task.candidates);
    task.fits = fits_of(task);
    task.pictures = pictures_of(task);
  }
  report.tables = tables_of(report);
  return report;
}

std::string describe(const Setting& setting) {
  return fmt::format("{}, {}, {} steps, guidance {}", setting.point->model, setting.point->series,
                     setting.point->steps, display(setting.point->guidance));
}

std::string picture_folder(const Point& point) {
  std::string name = point.baseline ? fmt::format("{:04}-{}", point.cell->number, point.series)
                                    : fmt::format("{:04}-{}-{}-{}-steps-guidance-{}",
                                                  point.cell->number, point.model, point.series,
                                                  point.steps, number_text(point.guidance));
  for (char& c : name)
    if (!(std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_')) c = '-';
  constexpr std::size_t kBytesMax = 200;
  return "pictures/" + file_name_of(point.cell->experiment, kBytesMax) + "/" +
         name.substr(0, kBytesMax);
}

}  // namespace isocost::report

#include "reports/model/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "reports/model/display.h"
#include "reports/model/tables.h"

namespace isocost::report {
namespace {

constexpr std::size_t kPictureBlocksMax = 3;
constexpr std::size_t kPicturesPerRowMax = 8;
constexpr double kEqualCost = 1.3;      // costs within this factor count as equal
constexpr double kBlockDistance = 2.5;  // between the costs of two blocks

double standard_error(const Setting& setting) {
  return setting.low && setting.high ? (*setting.high - *setting.low) / (2 * 1.959964) : 0;
}

std::vector<NamedFit> fits_of(const Report& report) {
  std::vector<NamedFit> fits;
  const Study& study = report.study;
  if (!study.choice || !study.choice->metric.is_lower_better) return fits;
  const std::string& metric = study.choice->metric.label;
  std::vector<FitPoint> points;
  for (const Setting& setting : report.envelopes[kGflopsAxis])
    points.push_back({*setting.point->costs[kGflopsAxis], setting.value, standard_error(setting)});
  if (const auto law = fit_power_law(points))
    fits.push_back({metric + " on the envelope over GFLOPs an image", "", *law});
  for (const std::string& series : study.series) {
    std::uint64_t steps = 0;
    for (const Setting& setting : report.optimal)
      if (setting.point->series == series) steps = std::max(steps, setting.point->steps);
    points.clear();
    for (const Setting& setting : report.optimal)
      if (setting.point->series == series && setting.point->steps == steps)
        points.push_back(
            {setting.point->cell->cost.gflops_per_call, setting.value, standard_error(setting)});
    if (const auto law = fit_power_law(points))
      fits.push_back(
          {fmt::format("{} over GFLOPs of one call, {}, {} steps", metric, series, steps), "",
           *law});
  }
  return fits;
}

// --- pictures at equal cost
// -------------------------------------------------------------------------------------------

double gflops_of(const Setting& setting) { return setting.point->costs[kGflopsAxis].value_or(0); }

bool is_equal_cost(const Setting& setting, double gflops) {
  return std::abs(std::log(gflops_of(setting) / gflops)) <= std::log(kEqualCost);
}

// The setting of each model that is nearest to a cost, among those that have pictures.
std::map<std::size_t, Setting> at_cost(const Report& report, const std::string& series,
                                       double gflops) {
  std::map<std::size_t, Setting> by_model;
  for (const Setting& setting : report.optimal) {
    if (setting.point->series != series || setting.point->cell->pictures.empty() ||
        gflops_of(setting) <= 0)
      continue;
    if (!is_equal_cost(setting, gflops)) continue;
    const auto& models = report.study.models;
    const auto model = static_cast<std::size_t>(
        std::find(models.begin(), models.end(), setting.point->model) - models.begin());
    const auto found = by_model.find(model);
    const auto distance = [&](const Setting& s) {
      return std::abs(std::log(gflops_of(s) / gflops));
    };
    if (found == by_model.end())
      by_model.emplace(model, setting);
    else if (distance(setting) < distance(found->second))
      found->second = setting;
  }
  return by_model;
}

PictureBlock block_of(const std::map<std::size_t, Setting>& settings, const std::string& series,
                      double gflops) {
  PictureBlock block{gflops, series, {}, {}};
  std::map<std::uint64_t, std::size_t> times;
  for (const auto& [model, setting] : settings)
    for (const Picture& picture : setting.point->cell->pictures) ++times[picture.number];
  for (const auto& [number, count] : times)
    if (count == settings.size() && block.numbers.size() < kPicturesPerRowMax)
      block.numbers.push_back(number);
  for (const auto& [model, setting] : settings) {
    PictureRow row{setting, {}};
    for (const Picture& picture : setting.point->cell->pictures)
      if (std::find(block.numbers.begin(), block.numbers.end(), picture.number) !=
          block.numbers.end())
        row.pictures.push_back(picture.digest);
    block.rows.push_back(std::move(row));
  }
  return block;
}

std::vector<PictureBlock> blocks_of(const Report& report, const std::string& series) {
  std::vector<std::pair<std::size_t, double>> costs;  // models at it, cost
  for (const Setting& setting : report.optimal)
    if (setting.point->series == series && gflops_of(setting) > 0 &&
        !setting.point->cell->pictures.empty())
      costs.emplace_back(at_cost(report, series, gflops_of(setting)).size(), gflops_of(setting));
  std::sort(costs.begin(), costs.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<PictureBlock> blocks;
  for (const auto& [models, gflops] : costs) {
    const bool is_near =
        std::any_of(blocks.begin(), blocks.end(), [&, cost = gflops](const PictureBlock& block) {
          return std::abs(std::log(block.gflops / cost)) < std::log(kBlockDistance);
        });
    if (is_near || blocks.size() == kPictureBlocksMax || (models < 2 && !blocks.empty())) continue;
    PictureBlock block = block_of(at_cost(report, series, gflops), series, gflops);
    if (!block.numbers.empty()) blocks.push_back(std::move(block));
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const PictureBlock& a, const PictureBlock& b) { return a.gflops < b.gflops; });
  return blocks;
}

// From the series that shows most models side by side; among equals the one with the better scores.
std::vector<PictureBlock> pictures_of(const Report& report) {
  std::vector<PictureBlock> best;
  std::size_t best_rows = 0;
  for (const std::string& series : report.study.series) {
    std::vector<PictureBlock> blocks = blocks_of(report, series);
    std::size_t rows = 0;
    for (const PictureBlock& block : blocks) rows += block.rows.size();
    if (rows <= best_rows) continue;
    best_rows = rows;
    best = std::move(blocks);
  }
  return best;
}

}  // namespace

std::size_t Table::index(const std::string& column) const {
  return static_cast<std::size_t>(std::find_if(columns.begin(), columns.end(),
                                               [&](const Column& c) { return c.name == column; }) -
                                  columns.begin());
}

Json to_json(const Table& table) {
  Json columns = Json::array(), rows = Json::array();
  for (const Column& column : table.columns) columns.push_back(column.name);
  for (const auto& row : table.rows) rows.push_back(row);
  return {{"columns", columns}, {"rows", rows}};
}

const Table* Report::table(const std::string& name) const {
  for (const Table& table : tables)
    if (table.name == name) return &table;
  return nullptr;
}

Report make_report(ReportData data) {
  Report report;
  report.study = make_study(std::move(data));
  report.optimal = optimal_settings(report.study);
  report.candidates = candidate_settings(report.study);
  for (std::size_t axis = 0; axis < cost_axes().size(); ++axis) {
    report.envelopes.push_back(report.study.choice ? envelope(report.candidates, report.study, axis)
                                                   : std::vector<Setting>{});
    report.answers.push_back(report.study.choice ? answers(report.candidates, report.study, axis)
                                                 : std::vector<Answer>{});
  }
  report.findings = findings(report.study, report.optimal, report.candidates);
  report.fits = fits_of(report);
  report.pictures = pictures_of(report);
  report.tables.push_back(cells_table(report.study));
  for (Table& table : derived_tables(report)) report.tables.push_back(std::move(table));
  return report;
}

std::string describe(const Setting& setting) {
  return fmt::format("{}, {}, {} steps, guidance {}", setting.point->model, setting.point->series,
                     setting.point->steps, display(setting.point->guidance));
}

}  // namespace isocost::report

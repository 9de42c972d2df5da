#include "reports/model/tables.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "reports/model/columns.h"
#include "reports/model/derived_tables.h"

namespace isocost::report {

Rows& Rows::put(const std::string& name, Json value) {
  ISOCOST_CHECK(!rows_.empty(), "a row is begun before it is filled");
  if (rows_.size() == 1) columns_.push_back(column(name_, name));
  rows_.back().push_back(std::move(value));
  return *this;
}

Table Rows::take() {
  auto rows = std::make_shared<const std::vector<Row>>(std::move(rows_));
  Table table = table_named(name_);
  if (!rows->empty()) table.columns = std::move(columns_);
  table.size = rows->size();
  table.row = [rows](std::size_t i) { return (*rows)[i]; };
  return table;
}

std::vector<PlacedPoint> placed_points(const Report& report) {
  std::vector<PlacedPoint> points;
  for (const TaskReport& task : report.tasks) {
    for (std::size_t i = 0; i < task.study.points.size(); ++i) points.push_back({&task, i});
    for (std::size_t i = 0; i < task.study.baselines.size(); ++i)
      points.push_back({&task, i, true});
  }
  std::stable_sort(points.begin(), points.end(), [](const PlacedPoint& a, const PlacedPoint& b) {
    return std::tie(a.point().cell->experiment, a.point().cell->number) <
           std::tie(b.point().cell->experiment, b.point().cell->number);
  });
  return points;
}

SpecTexts::SpecTexts(const ReportData& data) {
  for (const Cell& cell : data.cells)
    for (const Score& score : cell.scores) {
      const ScoreSpec& spec = *score.spec;
      const auto [found, is_new] = known_.try_emplace(&spec);
      if (!is_new) continue;
      Texts& texts = found->second;
      texts.protocol = canonical(spec.protocol);
      texts.extractor = extractor_id(spec.extractor);
      texts.identity =
          canonical(Json{spec.metric, texts.extractor, spec.reference, texts.protocol});
      texts.reference = data.reference_of(spec);
      const auto count = texts.reference == nullptr ? std::nullopt : texts.reference->count();
      if (count) texts.reference_n = *count;
    }
}

Json name_or_null(const ReportData& data, const std::string& input) {
  const auto found = data.input_names.find(input);
  return found == data.input_names.end() ? Json() : Json(found->second);
}

Table table_named(const std::string& name) {
  Table table;
  table.name = name;
  const TableFacts& facts = *find_table(name);
  table.description = facts.description;
  for (const std::string& one : facts.columns)
    if (!is_pattern(one)) table.columns.push_back(column(name, one));
  return table;
}

Row row_of(const UnitRecord& unit) {
  const bool has_range = unit.range.size() > 0;
  return {unit.name,
          unit.kind,
          unit.state,
          text_or_null(unit.sample_key),
          has_range ? Json(unit.range.begin) : Json(),
          has_range ? Json(unit.range.end) : Json(),
          unit.gflops,
          text_or_null(unit.failure_class),
          text_or_null(unit.failure_reason),
          unit.failed_attempts,
          number_or_null(unit.seconds),
          number_or_null(unit.peak_bytes),
          number_or_null(unit.energy_joules),
          text_or_null(unit.device),
          text_or_null(unit.device_class),
          text_or_null(unit.worker),
          unit.repeats,
          unit.mismatches};
}

std::vector<Table> tables_of(const Report& report) {
  std::vector<Table> tables = {cells_table(report), scores_table(report)};
  for (Table& table : derived_tables(report)) tables.push_back(std::move(table));
  return tables;
}

}  // namespace isocost::report

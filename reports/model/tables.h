// The tables of a report; reports/model/columns.h says what is in each. Used by make_report alone,
// and the parts here by the sources of the tables.
#pragma once

#include <map>

#include "reports/model/report.h"

namespace isocost::report {

[[nodiscard]] inline Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}
[[nodiscard]] inline Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

// What a baseline does not have.
template <class T>
[[nodiscard]] Json drawn(const Point& point, const T& value) {
  return point.baseline ? Json() : Json(value);
}

// All of them. The report may be moved as a whole.
[[nodiscard]] std::vector<Table> tables_of(const Report& report);

// Without rows: its name, what it is, and those of its columns that it always has.
[[nodiscard]] Table table_named(const std::string& name);
// One row a cell; the columns of cells.csv.
[[nodiscard]] Table cells_table(const Report& report);
// One row a score; scores.csv.
[[nodiscard]] Table scores_table(const Report& report);
// Of the table `units`, whose rows are written as they are read.
[[nodiscard]] Row row_of(const UnitRecord& unit);

// A point or a baseline of a task, in the order of experiments and numbers.
struct PlacedPoint {
  const TaskReport* task = nullptr;
  std::size_t index = 0;
  bool is_baseline = false;
  [[nodiscard]] const Point& point() const {
    return (is_baseline ? task->study.baselines : task->study.points)[index];
  }
};
[[nodiscard]] std::vector<PlacedPoint> placed_points(const Report& report);

// What the tables say of a protocol, made once for all scores that share it.
class SpecTexts {
 public:
  explicit SpecTexts(const ReportData& data);
  struct Texts {
    std::string identity;  // of metric, extractor, reference and protocol, whatever the images
    std::string protocol;
    std::string extractor;
    const Reference* reference = nullptr;
    Json reference_n;  // as the reference says
  };
  // Requires: a score of the data.
  [[nodiscard]] const Texts& of(const Score& score) const { return known_.at(&*score.spec); }

 private:
  std::map<const ScoreSpec*, Texts> known_;
};

// What a person calls an input; nothing where nobody named it.
[[nodiscard]] Json name_or_null(const ReportData& data, const std::string& input);

// Builds a small table by naming each value; the first row names the columns. Without a row it has
// those that it always has.
class Rows {
 public:
  explicit Rows(std::string name) : name_(std::move(name)) {}
  void start() { rows_.emplace_back(); }
  Rows& put(const std::string& column, Json value);
  [[nodiscard]] Table take();

 private:
  std::string name_;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace isocost::report

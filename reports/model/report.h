// A report as a value: each task's study, what it says, and which pictures to show, and the tables
// of all. HTML, CSV, LaTeX and JSON are renderers of it. Pure: equal data give equal bytes in every
// column that is not measured.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reports/model/answers.h"
#include "reports/model/fit.h"
#include "reports/model/statistics.h"
#include "reports/model/study.h"

namespace isocost::report {

// What a table's column is: reports/model/columns.h has them all.
struct Column {
  std::string name;  // measured_*: differs between runs of the same study
  std::string type, unit, meaning;
};

using Row = std::vector<Json>;  // numbers, texts, true, false or null

// A figure or a CSV file reads one by its name. Rows are made when they are asked for, since some
// tables have hundreds of thousands. Valid as long as its report.
struct Table {
  std::string name;
  std::string description;
  std::vector<Column> columns;
  std::size_t size = 0;
  std::function<Row(std::size_t)> row;  // Requires: below size

  // Where a column stands, or columns.size().
  [[nodiscard]] std::size_t index(const std::string& column) const;
  [[nodiscard]] std::vector<Row> rows() const;
};

// Pictures side by side, all from the same prompts, items and noise: of several models at about the
// same cost, of one setting over guidance or over steps.
struct PictureRow {
  Setting setting;
  std::vector<Digest> pictures;  // one for each of the block's numbers
};
struct PictureBlock {
  enum class Kind { kEqualCost, kSize, kSteps, kGuidance };
  Kind kind = Kind::kEqualCost;
  std::string title;                   // "About 0.5 GFLOPs an image"
  double gflops = 0;                   // an image, about; of kEqualCost
  std::vector<std::uint64_t> numbers;  // of the images
  std::vector<PictureRow> rows;        // by what the block is over
};

// A fit and the figure's curve that shows it.
struct NamedFit {
  std::string name;
  enum class Over { kEnvelope, kSize } over = Over::kEnvelope;
  std::string series;       // of kSize
  std::uint64_t steps = 0;  // likewise
  double from = 0, to = 0;  // x of its first and last point
  Fit fit;
};

// What a report says of one task. Nothing of it is held against anything of another.
struct TaskReport {
  Study study;
  std::string main_series;  // that most cells of the ranking have; the first of several
  std::vector<Setting> optimal;
  std::vector<Setting> candidates;
  std::vector<std::vector<Setting>> envelopes;  // by cost axis
  std::vector<std::vector<Answer>> answers;     // by cost axis
  std::vector<Finding> findings;
  std::vector<NamedFit> fits;
  std::vector<PictureBlock> pictures;
};

struct Report {
  std::shared_ptr<const ReportData> data;
  std::vector<TaskReport> tasks;
  std::vector<Table> tables;

  // Null if there is none of this name.
  [[nodiscard]] const Table* table(const std::string& name) const;
};

[[nodiscard]] Report make_report(ReportData data);

// "w16, DDIM trailing, 10 steps, guidance 3"
[[nodiscard]] std::string describe(const Setting& setting);
// Where a cell's kept pictures lie, beside the report: "pictures/study/0003-w16-DDIM-trailing-..."
[[nodiscard]] std::string picture_folder(const Point& point);

}  // namespace isocost::report

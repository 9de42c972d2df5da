// A report as a value: the study, what it says, its tables, and which pictures to show. HTML, CSV
// and JSON are renderers of it. Pure: equal data give equal bytes in every column that is not
// measured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reports/model/fit.h"
#include "reports/model/statistics.h"
#include "reports/model/study.h"

namespace isocost::report {

struct Column {
  std::string name;  // measured_*: differs between runs of the same study
  std::string description;
};

// Rows of numbers, texts, true, false or null; a figure or a CSV file reads one by its name.
struct Table {
  std::string name;
  std::string description;
  std::vector<Column> columns;
  std::vector<std::vector<Json>> rows;

  // Where a column stands, or columns.size().
  [[nodiscard]] std::size_t index(const std::string& column) const;
};

// {"columns": [names], "rows": [[...]]}
[[nodiscard]] Json to_json(const Table& table);

// Pictures of several models at about the same cost, all from the same prompts and noise.
struct PictureRow {
  Setting setting;
  std::vector<Digest> pictures;  // one for each of the block's numbers
};
struct PictureBlock {
  double gflops = 0;  // an image, about
  std::string series;
  std::vector<std::uint64_t> numbers;  // of the images
  std::vector<PictureRow> rows;        // by size of the model
};

struct NamedFit {
  std::string name;
  std::string description;
  PowerLaw law;
};

struct Report {
  Study study;
  std::vector<Setting> optimal;
  std::vector<Setting> candidates;
  std::vector<std::vector<Setting>> envelopes;  // by cost axis
  std::vector<std::vector<Answer>> answers;     // by cost axis
  std::vector<Finding> findings;
  std::vector<NamedFit> fits;
  std::vector<PictureBlock> pictures;
  std::vector<Table> tables;

  // Null if there is none of this name.
  [[nodiscard]] const Table* table(const std::string& name) const;
};

[[nodiscard]] Report make_report(ReportData data);

// "w16, DDIM trailing, 10 steps, guidance 3"
[[nodiscard]] std::string describe(const Setting& setting);

}  // namespace isocost::report

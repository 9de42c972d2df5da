// Builds a ReportData by hand, a cell a line: for tests of statistics and tables.
//
//   ReportDataBuilder builder;
//   builder.cell({.model = "small", .steps = 10, .guidance = 3, .gflops_per_call = 1, .fid = 20,
//   .half = 1}); auto study = make_study(builder.data());
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reports/model/data.h"
#include "reports/model/study.h"

namespace isocost::testing {

struct CellLine {
  std::string experiment = "study";
  std::string model = "small";
  std::string sampler = "ddim";
  std::string spacing = "trailing";
  std::uint64_t steps = 10;
  double guidance = 3;
  double gflops_per_call = 1;
  double fid = 20;
  double half = 1;  // of the interval; 0: no interval
  ImageRange images = {0, 512};
  double seconds_per_image = 0;  // 0: not measured
  // Of units of 256 images each, where these are more than one.
  std::vector<double> unit_seconds = {};
  std::string task = "";  // its name in the grid; empty: it has none
  std::string method = "text-to-image";
  std::string baseline = "";  // beside that method; no network drew the cell
  std::string prompts = "prompts";
  std::string metric = "fid";
  // Further metrics with their values, behind it in the grid.
  std::vector<std::pair<std::string, double>> more = {};
};

class ReportDataBuilder {
 public:
  ReportDataBuilder& cell(const CellLine& line);
  report::Cell& last() { return data_.cells.back(); }
  [[nodiscard]] report::ReportData data() const { return data_; }

 private:
  report::ReportData data_;
};

// Of the first task, or an empty one.
[[nodiscard]] report::Study make_study(report::ReportData data);

}  // namespace isocost::testing

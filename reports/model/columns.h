// The table of columns: every column of every file and table of a report, with its type, its unit
// and what it means. Whoever makes a table takes its columns from here, docs/columns.md is written
// from it, and a user's figure is held against it.
//
//   column("answer", "cost").meaning           has_column("optimal", "clip_score_low")
//
// A row may stand for many columns: METRIC is the name of a metric (with _2 for its second
// extractor, reference or protocol), INPUT that of an input (unet, vae, ...), AXIS that of an axis
// of the grid. Pure.
#pragma once

#include <string>
#include <vector>

#include "reports/model/report.h"

namespace isocost::report {

struct TableFacts {
  std::string name;  // in report.json and figures
  std::string file;  // beside the report; empty: in report.json alone
  std::string description;
  bool is_for_figures = true;
  std::vector<std::string> columns;  // patterns, in their order
};
[[nodiscard]] const std::vector<TableFacts>& table_facts();
// Null when no table is called so.
[[nodiscard]] const TableFacts* find_table(const std::string& name);

// Requires: the table has such a column, or such a row for many.
[[nodiscard]] Column column(const std::string& table, const std::string& name);
// Whether a row stands for many.
[[nodiscard]] bool is_pattern(const std::string& column);
[[nodiscard]] bool has_column(const std::string& table, const std::string& name);

// docs/columns.md, whole.
[[nodiscard]] std::string columns_page();

}  // namespace isocost::report

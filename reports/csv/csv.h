// A table as RFC 4180 text, and tables as JSON. Floats print the shortest text that reads back the
// same; nothing says when it was made, so equal tables give equal bytes. Pure.
//
// In CSV a text that begins with = + - @ tab or return, which a spreadsheet would run as a formula,
// or with ' has one ' in front of it; who takes one ' from every text that begins with it has the
// texts as they are (docs/data.md). Numbers are never marked.
#pragma once

#include <string>
#include <vector>

#include "reports/model/report.h"

namespace isocost::report {

// A mark at the beginning tells spreadsheets that the text is UTF-8.
enum class CsvEncoding { kUtf8, kUtf8WithMark };
[[nodiscard]] std::string to_csv(const Table& table, CsvEncoding encoding = CsvEncoding::kUtf8);

// {"format": 1, "experiments": [...], "tables": {name: {"description", "columns": [...], "rows":
// [[...]]}}}
[[nodiscard]] std::string to_json_text(const Report& report);

}  // namespace isocost::report

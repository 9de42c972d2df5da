// Tables as RFC 4180 text, and a report as JSON. Floats print the shortest text that reads back the
// same; nothing says when it was made, so equal tables give equal bytes. Pure.
//
// In CSV a text that begins with = + - @ tab or return, which a spreadsheet would run as a formula,
// or with ' has one ' in front of it; who takes one ' from every text that begins with it has the
// texts as they are (docs/data.md). Numbers are never marked.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/model/report.h"

namespace isocost::report {

// A mark at the beginning tells spreadsheets that the text is UTF-8.
enum class CsvEncoding { kUtf8, kUtf8WithMark };

// Where text goes, piece by piece: tables may be longer than a program wants to hold.
using Sink = std::function<void(std::string_view)>;

[[nodiscard]] std::string csv_header(const std::vector<Column>& columns, CsvEncoding encoding);
[[nodiscard]] std::string csv_line(const Row& row);
void write_csv(const Table& table, CsvEncoding encoding, const Sink& sink);
[[nodiscard]] std::string to_csv(const Table& table, CsvEncoding encoding = CsvEncoding::kUtf8);

// {"experiments": [...], "format": 2, ..., "tables": {name: {"columns": [...], "description",
// "rows": [[...]]}}}
void write_json(const Report& report, const Sink& sink);
[[nodiscard]] std::string to_json_text(const Report& report);

}  // namespace isocost::report

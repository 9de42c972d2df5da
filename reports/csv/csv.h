// A table as RFC 4180 text, and tables as JSON. Floats print the shortest text that reads back the
// same; nothing says when it was made, so equal tables give equal bytes. Pure.
#pragma once

#include <string>
#include <vector>

#include "reports/model/report.h"

namespace isocost::report {

[[nodiscard]] std::string to_csv(const Table& table);

// {"format": 1, "experiments": [...], "tables": {name: {"description", "columns": [...], "rows":
// [[...]]}}}
[[nodiscard]] std::string to_json_text(const Report& report);

}  // namespace isocost::report

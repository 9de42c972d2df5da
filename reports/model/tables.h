// The tables of a report; see docs of each in its description. Used by make_report alone.
#pragma once

#include "reports/model/report.h"

namespace isocost::report {

[[nodiscard]] inline Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

// One row a cell; the columns of cells.csv.
[[nodiscard]] Table cells_table(const Study& study);
// optimal, scores, envelope, answer, findings, fits, failed, protocols.
[[nodiscard]] std::vector<Table> derived_tables(const Report& report);

}  // namespace isocost::report

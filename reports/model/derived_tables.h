// answer, envelope, optimal, points, findings, fits, envelope_fit, size_fit, failed, protocols. For
// tables.cpp alone.
#pragma once

#include "reports/model/tables.h"

namespace isocost::report {

[[nodiscard]] std::vector<Table> derived_tables(const Report& report);

}  // namespace isocost::report

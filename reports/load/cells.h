// Reads the cells of an experiment: how their images came to be, their scores, and their state. For
// the sources of this folder alone. Thread: one. Throws SQLite::Exception.
#pragma once

#include "reports/load/source.h"
#include "reports/load/units.h"
#include "reports/model/data.h"

namespace isocost::report {

struct ExperimentRow {
  std::int64_t id = 0;
  Experiment experiment;
  bool is_cancelled = false;
};

// By number. Faults are left in `source`.
[[nodiscard]] std::vector<Cell> read_cells(Source& source, const ExperimentRow& row,
                                           UnitReader& units);

}  // namespace isocost::report

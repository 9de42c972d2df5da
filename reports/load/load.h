// Reads experiments from a coordinator's database, read-only: the one place of the reports that
// knows SQL.
//
//   auto data = load("study/isocost.sqlite", {"study", "finalists"});
//
// The database may be in use: everything is read in one transaction, nothing is written, nothing is
// checkpointed. Fails with: no such file, no database of isocost, an unknown experiment (the known
// ones are named), a stored value that cannot be read. Thread: any.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "reports/model/data.h"

namespace isocost::report {

// No names: all experiments, by name.
[[nodiscard]] Result<ReportData> load(const std::filesystem::path& database,
                                      const std::vector<std::string>& experiments);

}  // namespace isocost::report

// Reads experiments from a coordinator's database, read-only: the one place of the reports that
// knows SQL.
//
//   auto data = load("study/isocost.db", {"study", "finalists"});
//
// The database may be in use: everything is read in one transaction, nothing is written, nothing is
// checkpointed. Fails with: no such file, no database of isocost, an unknown experiment (the known
// ones are named), a stored value that cannot be read. Thread: any.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "reports/model/data.h"

namespace isocost::report {

// No names: all experiments, by name. Each unit that their cells want is shown to `see_unit` once,
// as it is read: there may be many more of them than a program wants to hold.
[[nodiscard]] Result<ReportData> load(const std::filesystem::path& database,
                                      const std::vector<std::string>& experiments,
                                      const std::function<void(const UnitRecord&)>& see_unit = {});

}  // namespace isocost::report

// Questions that both the store and readers ask of a database. For the sources of this folder
// alone. Thread: that of the connection. Throws SQLite::Exception.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/snapshot.h"
#include "coordinator/core/submission.h"
#include "coordinator/storage/read_only.h"

namespace isocost::storage {

[[nodiscard]] core::Existing find_existing(SQLite::Database& connection,
                                           const Submission& submission);
// Units by the condition `where` over units u: "u.state = #open"; needs are those not done.
[[nodiscard]] std::vector<core::OpenUnit> find_units(SQLite::Database& connection,
                                                     const std::string& where);
// Of open units, where it is not 0.
[[nodiscard]] std::map<core::UnitId, int> find_priorities(SQLite::Database& connection);
[[nodiscard]] std::vector<core::UnitId> find_unwanted(SQLite::Database& connection);
[[nodiscard]] std::vector<core::OpenUnit> find_units(SQLite::Database& connection,
                                                     const std::vector<core::UnitId>& ids);
[[nodiscard]] std::vector<core::LostUnit> find_makers(SQLite::Database& connection,
                                                      const std::vector<Digest>& artifacts);
[[nodiscard]] std::vector<core::UnitId> find_failed_by(SQLite::Database& connection,
                                                       const std::string& worker);
[[nodiscard]] std::vector<core::UnitId> find_failed(SQLite::Database& connection,
                                                    std::optional<core::ExperimentId> experiment);
void describe(SQLite::Database& connection, core::Snapshot& snapshot);

}  // namespace isocost::storage

// The rows of a planned submission: experiment, cells, samples, units, scores, references, inputs.
// For the sources of this folder alone. Thread: that of the connection. Throws SQLite::Exception.
#pragma once

#include "coordinator/core/submission.h"
#include "coordinator/storage/database.h"

namespace isocost::storage {

// As SQLite keeps them.
[[nodiscard]] inline std::int64_t number(core::UnitId id) { return static_cast<std::int64_t>(id); }
[[nodiscard]] inline std::int64_t number(core::SampleId id) {
  return static_cast<std::int64_t>(id);
}
[[nodiscard]] inline std::int64_t number(core::ScoreId id) { return static_cast<std::int64_t>(id); }
[[nodiscard]] inline std::int64_t number(core::ExperimentId id) {
  return static_cast<std::int64_t>(id);
}
[[nodiscard]] inline std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

// Its cells take the place of the experiment's.
void insert_plan(WritableDatabase& database, const core::SubmissionPlan& plan, std::int64_t now_ms);

}  // namespace isocost::storage

// The writes of the core as SQL. For the sources of this folder alone. Throws SQLite::Exception.
#pragma once

#include <cstdint>

#include "coordinator/core/types.h"
#include "coordinator/storage/database.h"
#include "coordinator/storage/events.h"

namespace isocost::storage {

// Requires: a transaction is open. `now_ms` is the wall clock.
void write(WritableDatabase& database, EventRows& events, const core::Write& write,
           std::int64_t now_ms);

}  // namespace isocost::storage

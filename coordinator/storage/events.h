// The rows of the event log: what is recorded, and which cells a result finished. For the sources
// of this folder alone. Thread: that of the connection. Throws SQLite::Exception.
//
// Of each kind the last log::kEventsKept stay, and now and then a few more (kEventsTrimmed).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coordinator/core/types.h"
#include "coordinator/log/event.h"
#include "coordinator/storage/database.h"

namespace isocost::storage {

inline constexpr std::size_t kEventsTrimmed = 50;  // older ones go when there are so many

class EventRows {
 public:
  explicit EventRows(WritableDatabase& database) : db_(database) {}

  // Requires, for both: a transaction is open. `now_ms` is the wall clock.
  void record(const core::RecordEvent& write, std::int64_t now_ms);
  // Cells of live experiments that want the unit and have all that they want, now that it is done.
  // Requires: after it is written.
  void record_finished(core::UnitId unit, std::int64_t now_ms);
  [[nodiscard]] std::vector<log::Event> take() { return std::exchange(recorded_, {}); }
  // What was not committed is gone.
  void forget() { recorded_.clear(); }

 private:
  struct Cell {
    std::int64_t experiment = 0;
    std::string name;  // of the experiment
    std::int64_t number = 0;
    std::string labels;
    std::int64_t images = 0;
    std::int64_t keep_pictures = 0;
  };
  void insert(log::Event event, std::int64_t now_ms);
  void describe(core::UnitId unit, log::Event& event);
  [[nodiscard]] std::vector<Cell> cells_that_want(core::UnitId unit);
  [[nodiscard]] bool waits(const Cell& cell, std::int64_t sample);
  [[nodiscard]] bool is_finished_by(const Cell& cell, std::int64_t sample, std::int64_t unit);

  WritableDatabase& db_;
  std::vector<log::Event> recorded_;
  std::map<std::string, std::size_t> untrimmed_;  // by kind
};

// By id. None in a database that an older isocost wrote.
[[nodiscard]] std::vector<log::Event> find_events(SQLite::Database& connection,
                                                  const log::EventQuery& query);

}  // namespace isocost::storage

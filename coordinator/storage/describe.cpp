// What a database says for pages and for people: experiments with their cells and failures, and
// what the workers' units are for.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "coordinator/storage/queries.h"
#include "schema/units/cell.h"

namespace isocost::storage {
namespace {

void add(core::UnitCounts& counts, UnitState state, bool is_waiting, std::uint64_t number) {
  switch (state) {
    case UnitState::kOpen:
      (is_waiting ? counts.waiting : counts.ready) += number;
      return;
    case UnitState::kDone:
      counts.done += number;
      return;
    case UnitState::kFailed:
      counts.failed += number;
      return;
    case UnitState::kCancelled:
      counts.cancelled += number;
      return;
  }
}

// Whether a unit u waits: it needs one that is not done.
constexpr const char* kIsWaiting =
    "(u.state = #open AND EXISTS (SELECT 1 FROM unit_needs w JOIN units d ON d.id = w.needs"
    " WHERE w.unit = u.id AND d.state <> #done))";

// The units of one experiment's cells, as cell_units(number, unit).
constexpr const char* kCellUnits =
    "cell_units(number, unit) AS ("
    "  SELECT c.number, u.id FROM cells c"
    "  JOIN units u ON u.sample = c.sample AND u.kind = #generate AND u.range_begin < c.images"
    "  WHERE c.experiment = ?1"
    "  UNION SELECT cs.number, s.unit FROM cell_scores cs JOIN scores s ON s.id = cs.score"
    "  WHERE cs.experiment = ?1)";

// The numbers of the cells that are failed.
std::set<std::uint64_t> count_cells(SQLite::Database& connection, core::ExperimentView& view) {
  Query rows(connection,
             "SELECT c.number, c.images, c.keep_pictures, 0, u.state, u.range_begin, u.range_end,"
             " u.keep_pictures FROM cells c LEFT JOIN units u ON u.sample = c.sample"
             " AND u.kind = #generate AND u.range_begin < c.images WHERE c.experiment = ?1"
             " UNION ALL SELECT cs.number, 0, 0, 1, u.state, 0, 0, 0 FROM cell_scores cs"
             " JOIN scores s ON s.id = cs.score JOIN units u ON u.id = s.unit"
             " WHERE cs.experiment = ?1 ORDER BY 1, 4, 6");
  rows.bind(1, static_cast<std::int64_t>(view.id));
  std::set<std::uint64_t> failed;
  std::optional<std::pair<std::uint64_t, CellProgress>> cell;
  const auto count = [&] {
    if (!cell) return;
    const CellState state = cell->second.state();
    ++view.cells;
    if (state == CellState::kDone) ++view.cells_done;
    if (state == CellState::kCancelled) ++view.cells_cancelled;
    if (state != CellState::kFailed) return;
    ++view.cells_failed;
    failed.insert(cell->first);
  };
  while (rows.executeStep()) {
    const std::uint64_t number = count_from(rows.getColumn(0));
    if (!cell || cell->first != number) {
      count();
      cell.emplace(number, CellProgress({.images = count_from(rows.getColumn(1)),
                                         .keep_pictures = count_from(rows.getColumn(2)),
                                         .is_cancelled = view.is_cancelled}));
    }
    if (rows.getColumn(4).isNull()) continue;  // of a cell without images
    const UnitState state = unit_state(rows.getColumn(4));
    if (rows.getColumn(3).getInt() == 1)
      cell->second.add_score(state);
    else
      cell->second.add_images({count_from(rows.getColumn(5)), count_from(rows.getColumn(6))},
                              count_from(rows.getColumn(7)), state);
  }
  count();
  return failed;
}

void count_units(SQLite::Database& connection, core::ExperimentView& view) {
  Query rows(connection, fmt::format("WITH {}, mine(unit) AS ("
                                     "  SELECT unit FROM cell_units UNION"
                                     "  SELECT n.needs FROM cell_units c"
                                     "  JOIN unit_needs n ON n.unit = c.unit)"
                                     "SELECT u.state, {}, count(*), sum(u.gflops) FROM mine m"
                                     " JOIN units u ON u.id = m.unit GROUP BY 1, 2",
                                     kCellUnits, kIsWaiting));
  rows.bind(1, static_cast<std::int64_t>(view.id));
  while (rows.executeStep()) {
    const UnitState state = unit_state(rows.getColumn(0));
    add(view.units, state, rows.getColumn(1).getInt() != 0, count_from(rows.getColumn(2)));
    if (state == UnitState::kCancelled) continue;
    view.gflops_total += rows.getColumn(3).getDouble();
    if (state == UnitState::kDone) view.gflops_done += rows.getColumn(3).getDouble();
  }
}

// The units that failed by themselves, one for each reason, rather than those that wait for them.
void list_failed_cells(SQLite::Database& connection, const std::set<std::uint64_t>& failed,
                       core::ExperimentView& view) {
  Query rows(
      connection,
      fmt::format("WITH {} SELECT c.number, l.labels, u.name, u.failure_class, u.failure_reason,"
                  " u.failure_log, u.attempts + u.lost_workers > 0 FROM cell_units c JOIN units u "
                  "ON u.id = c.unit AND u.state = #failed"
                  " JOIN cells l ON l.experiment = ?1 AND l.number = c.number"
                  " ORDER BY c.number, u.attempts + u.lost_workers = 0, u.id",
                  kCellUnits));
  rows.bind(1, static_cast<std::int64_t>(view.id));
  while (rows.executeStep() && view.failed.size() < core::kFailedCellsShown) {
    const std::uint64_t number = count_from(rows.getColumn(0));
    if (!failed.contains(number)) continue;
    const std::string reason = rows.getColumn(4).getString();
    const bool is_told =
        std::any_of(view.failed.begin(), view.failed.end(), [&](const core::FailedCellView& cell) {
          return cell.number == number &&
                 (cell.reason == reason || rows.getColumn(6).getInt() == 0);
        });
    if (is_told) continue;
    core::FailedCellView cell{
        .number = number,
        .labels =
            parse_json(rows.getColumn(1).getString(), "cells.labels").value_or(Json::object()),
        .unit = rows.getColumn(2).getString(),
        .failure_class =
            std::string(failure_class_name(static_cast<FailureClass>(rows.getColumn(3).getInt()))),
        .reason = reason,
        .log_tail = {}};
    const std::string log = rows.getColumn(5).getString();
    for (std::size_t begin = 0; begin < log.size();) {
      const std::size_t end = std::min(log.find('\n', begin), log.size());
      cell.log_tail.push_back(log.substr(begin, end - begin));
      begin = end + 1;
    }
    view.failed.push_back(std::move(cell));
  }
}

core::ExperimentView* find_view(core::Snapshot& snapshot, core::ExperimentId id) {
  const auto at = std::find_if(snapshot.experiments.begin(), snapshot.experiments.end(),
                               [&](const core::ExperimentView& view) { return view.id == id; });
  return at == snapshot.experiments.end() ? nullptr : &*at;
}

// What the workers' units are for, and whose they are.
void describe_running(SQLite::Database& connection, core::Snapshot& snapshot) {
  Query units(connection, "SELECT range_begin, range_end FROM units WHERE name = ?");
  Query cells(connection,
              "SELECT c.experiment, c.labels FROM units u JOIN cells c ON c.sample = u.sample "
              "WHERE u.name = ? GROUP BY c.experiment ORDER BY c.experiment");
  for (core::WorkerView& worker : snapshot.workers) {
    for (core::RunningView& view : worker.running) {
      units.reset();
      units.bind(1, view.run.unit);
      if (!units.executeStep()) continue;
      view.images = {count_from(units.getColumn(0)), count_from(units.getColumn(1))};
      cells.reset();
      cells.bind(1, view.run.unit);
      for (bool is_first = true; cells.executeStep(); is_first = false) {
        if (is_first) view.labels = Json::parse(cells.getColumn(1).getString());
        auto* experiment = find_view(snapshot, core::ExperimentId{cells.getColumn(0).getInt64()});
        if (experiment != nullptr) ++experiment->units.leased;
      }
    }
  }
}

void name_inputs(SQLite::Database& connection, core::Snapshot& snapshot) {
  Query names(connection, "SELECT name FROM inputs WHERE input = ?");
  for (core::MissingInput& missing : snapshot.missing_inputs) {
    names.reset();
    names.bind(1, missing.input);
    if (names.executeStep()) missing.name = names.getColumn(0).getString();
  }
}

}  // namespace

void describe(SQLite::Database& connection, core::Snapshot& snapshot) {
  snapshot.units = {.leased = snapshot.units.leased};
  Query units(connection,
              fmt::format("SELECT u.state, {}, count(*) FROM units u GROUP BY 1, 2", kIsWaiting));
  while (units.executeStep())
    add(snapshot.units, unit_state(units.getColumn(0)), units.getColumn(1).getInt() != 0,
        count_from(units.getColumn(2)));
  Query rows(connection,
             "SELECT id, name, is_cancelled, submitted_ms FROM experiments ORDER BY id");
  snapshot.experiments.clear();
  while (rows.executeStep()) {
    core::ExperimentView view{.id = core::ExperimentId{rows.getColumn(0).getInt64()},
                              .name = rows.getColumn(1).getString(),
                              .is_cancelled = rows.getColumn(2).getInt() != 0,
                              .submitted_ms = rows.getColumn(3).getInt64(),
                              .units = {},
                              .failed = {}};
    const std::set<std::uint64_t> failed = count_cells(connection, view);
    count_units(connection, view);
    if (!failed.empty()) list_failed_cells(connection, failed, view);
    snapshot.experiments.push_back(std::move(view));
  }
  describe_running(connection, snapshot);
  name_inputs(connection, snapshot);
}

}  // namespace isocost::storage

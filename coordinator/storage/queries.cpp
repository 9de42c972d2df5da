#include "coordinator/storage/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace isocost::storage {
namespace {

using core::UnitId;
using core::UnitState;

UnitId unit_id(const SQLite::Column& column) { return UnitId{column.getInt64()}; }
UnitState unit_state(const SQLite::Column& column) {
  return static_cast<UnitState>(column.getInt());
}
std::uint64_t count_from(const SQLite::Column& column) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, column.getInt64()));
}

// Cells that somebody still wants, as live(experiment, number, sample, images).
constexpr const char* kLiveCells =
    "live(experiment, number, sample, images) AS ("
    "  SELECT c.experiment, c.number, c.sample, c.images FROM cells c"
    "  JOIN experiments e ON e.id = c.experiment"
    "  WHERE e.is_cancelled = 0 AND c.is_cancelled = 0 AND (?1 IS NULL OR e.id = ?1))";

// Units that live cells want: their scores, their images, the references of their scores.
constexpr const char* kWantedUnits =
    "judged(unit) AS ("
    "  SELECT DISTINCT s.unit FROM live l"
    "  JOIN cell_scores cs ON cs.experiment = l.experiment AND cs.number = l.number"
    "  JOIN scores s ON s.id = cs.score),"
    "wanted(unit) AS ("
    "  SELECT unit FROM judged"
    "  UNION SELECT n.needs FROM judged j JOIN unit_needs n ON n.unit = j.unit"
    "  UNION SELECT u.id FROM live l"
    "  JOIN units u ON u.sample = l.sample AND u.kind = 2 AND u.range_begin < l.images)";

// The priority of each unit that a live cell wants: the highest of those that want it. Empty where
// every experiment has 0.
constexpr const char* kPriorities =
    "ranked(experiment, number, sample, images, priority) AS ("
    "  SELECT c.experiment, c.number, c.sample, c.images, e.priority FROM cells c"
    "  JOIN experiments e ON e.id = c.experiment"
    "  WHERE e.is_cancelled = 0 AND c.is_cancelled = 0"
    "  AND EXISTS (SELECT 1 FROM experiments WHERE is_cancelled = 0 AND priority <> 0)),"
    "judged_at(unit, priority) AS ("
    "  SELECT s.unit, max(r.priority) FROM ranked r"
    "  JOIN cell_scores cs ON cs.experiment = r.experiment AND cs.number = r.number"
    "  JOIN scores s ON s.id = cs.score GROUP BY s.unit),"
    "wishes(unit, priority) AS ("
    "  SELECT unit, priority FROM judged_at"
    "  UNION ALL SELECT n.needs, j.priority FROM judged_at j JOIN unit_needs n ON n.unit = j.unit"
    "  UNION ALL SELECT u.id, r.priority FROM ranked r"
    "  JOIN units u ON u.sample = r.sample AND u.kind = 2 AND u.range_begin < r.images),"
    "priorities(unit, priority) AS (SELECT unit, max(priority) FROM wishes GROUP BY unit)";

std::int64_t next_id(SQLite::Database& connection, const char* table) {
  return connection.execAndGet(fmt::format("SELECT coalesce(max(id), 0) + 1 FROM {}", table))
      .getInt64();
}

core::ExistingGenerate generate_from(const SQLite::Statement& row) {
  core::ExistingGenerate unit;
  unit.id = unit_id(row.getColumn(0));
  unit.state = unit_state(row.getColumn(1));
  unit.range = {count_from(row.getColumn(2)), count_from(row.getColumn(3))};
  unit.keep_pictures = count_from(row.getColumn(5));
  const auto extractors = parse_json(row.getColumn(4).getString(), "units.body");
  if (!extractors || !extractors->is_array()) return unit;
  for (const Json& json : *extractors)
    if (const auto spec = extractor_spec_from_json(json, "units.body"))
      unit.extractors.insert(extractor_id(*spec));
  return unit;
}

void find_samples(SQLite::Database& connection, const std::vector<Digest>& samples,
                  core::Existing& existing) {
  SQLite::Statement find(connection, "SELECT id FROM samples WHERE key = ?");
  SQLite::Statement units(connection,
                          "SELECT id, state, range_begin, range_end,"
                          " json_extract(body, '$.extractors'),"
                          " json_extract(body, '$.keep_pictures')"
                          " FROM units WHERE sample = ? AND kind = 2 ORDER BY range_begin, id");
  for (const Digest& key : samples) {
    if (existing.samples.contains(key)) continue;
    find.reset();
    bind_digest(find, 1, key);
    if (!find.executeStep()) continue;
    core::ExistingSample sample{.id = core::SampleId{find.getColumn(0).getInt64()}, .units = {}};
    units.reset();
    units.bind(1, static_cast<std::int64_t>(sample.id));
    while (units.executeStep()) sample.units.push_back(generate_from(units));
    existing.samples.emplace(key, std::move(sample));
  }
}

// Requires: `samples` are those of the submission's cells.
void find_scores(SQLite::Database& connection, const Submission& submission,
                 const std::vector<Digest>& samples, core::Existing& existing) {
  SQLite::Statement find(connection,
                         "SELECT s.id, s.unit, u.state FROM scores s"
                         " JOIN units u ON u.id = s.unit WHERE s.key = ?");
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (!existing.samples.contains(samples[i])) continue;
    for (const ScoreSpec& score : submission.cells[i].scores) {
      const Digest key = score_key(samples[i], score);
      find.reset();
      bind_digest(find, 1, key);
      if (!find.executeStep()) continue;
      existing.scores[key] = {
          .id = core::ScoreId{find.getColumn(0).getInt64()},
          .unit = {.id = unit_id(find.getColumn(1)), .state = unit_state(find.getColumn(2))}};
    }
  }
}

void find_references(SQLite::Database& connection, const Submission& submission,
                     core::Existing& existing) {
  SQLite::Statement find(connection,
                         "SELECT r.unit, u.state FROM reference_sets r"
                         " JOIN units u ON u.id = r.unit WHERE r.key = ?");
  for (const auto& [unused, reference] : submission.references) {
    const Digest key = reference_key(reference);
    find.reset();
    bind_digest(find, 1, key);
    if (find.executeStep())
      existing.references[key] = {.id = unit_id(find.getColumn(0)),
                                  .state = unit_state(find.getColumn(1))};
  }
}

void find_cancelled_needs(SQLite::Database& connection, core::Existing& existing) {
  SQLite::Statement rows(connection,
                         "SELECT n.unit, n.needs FROM unit_needs n"
                         " JOIN units u ON u.id = n.unit AND u.state = 5"
                         " JOIN units d ON d.id = n.needs AND d.state = 5 ORDER BY 1, 2");
  while (rows.executeStep())
    existing.cancelled_needs[unit_id(rows.getColumn(0))].push_back(unit_id(rows.getColumn(1)));
}

}  // namespace

Digest digest_from(const SQLite::Column& column) {
  Digest digest;
  if (column.getBytes() == static_cast<int>(digest.bytes.size()))
    std::copy_n(static_cast<const std::uint8_t*>(column.getBlob()), digest.bytes.size(),
                digest.bytes.begin());
  return digest;
}

void bind_digest(SQLite::Statement& statement, int index, const Digest& digest) {
  statement.bind(index, digest.bytes.data(), static_cast<int>(digest.bytes.size()));
}

core::Existing find_existing(SQLite::Database& connection, const Submission& submission) {
  core::Existing existing;
  existing.next = {.experiment = next_id(connection, "experiments"),
                   .sample = next_id(connection, "samples"),
                   .score = next_id(connection, "scores"),
                   .unit = next_id(connection, "units")};
  SQLite::Statement name(connection, "SELECT id FROM experiments WHERE name = ?");
  name.bind(1, submission.name);
  if (name.executeStep()) existing.experiment = core::ExperimentId{name.getColumn(0).getInt64()};
  std::vector<Digest> samples;
  samples.reserve(submission.cells.size());
  for (const CellRequest& cell : submission.cells) samples.push_back(sample_key(cell.sample));
  find_samples(connection, samples, existing);
  find_scores(connection, submission, samples, existing);
  find_references(connection, submission, existing);
  find_cancelled_needs(connection, existing);
  return existing;
}

std::vector<core::OpenUnit> find_units(SQLite::Database& connection, const std::string& where) {
  std::map<UnitId, core::OpenUnit> found;
  SQLite::Statement rows(
      connection,
      fmt::format(
          "WITH {} SELECT u.id, u.name, u.kind, u.gflops, u.affinity, u.memory_bytes,"
          " u.attempts, u.lost_workers, coalesce(p.priority, 0), u.remakes, r.digest FROM units u"
          " LEFT JOIN results r ON r.unit = u.id"
          " LEFT JOIN priorities p ON p.unit = u.id WHERE {}",
          kPriorities, where));
  while (rows.executeStep()) {
    core::OpenUnit unit{.id = unit_id(rows.getColumn(0)),
                        .name = rows.getColumn(1).getString(),
                        .kind = static_cast<UnitKind>(rows.getColumn(2).getInt()),
                        .priority = rows.getColumn(8).getInt(),
                        .gflops = rows.getColumn(3).getDouble(),
                        .affinity = rows.getColumn(4).getString(),
                        .memory_bytes = count_from(rows.getColumn(5)),
                        .attempts = rows.getColumn(6).getInt(),
                        .lost_workers = rows.getColumn(7).getInt(),
                        .remakes = rows.getColumn(9).getInt()};
    if (!rows.getColumn(10).isNull()) unit.digest = digest_from(rows.getColumn(10));
    found.emplace(unit.id, std::move(unit));
  }
  SQLite::Statement inputs(connection,
                           "SELECT i.unit, i.input FROM unit_inputs i"
                           " JOIN units u ON u.id = i.unit WHERE " +
                               where + " ORDER BY 1, 2");
  while (inputs.executeStep())
    found.at(unit_id(inputs.getColumn(0))).inputs.push_back(inputs.getColumn(1).getString());
  SQLite::Statement needs(connection,
                          "SELECT n.unit, n.needs FROM unit_needs n"
                          " JOIN units u ON u.id = n.unit"
                          " JOIN units d ON d.id = n.needs AND d.state <> 3 WHERE " +
                              where + " ORDER BY 1, 2");
  while (needs.executeStep())
    found.at(unit_id(needs.getColumn(0))).needs.push_back(unit_id(needs.getColumn(1)));
  SQLite::Statement failed(connection,
                           "SELECT f.unit, f.epoch, f.counter, f.is_lost, f.worker, f.is_excused"
                           " FROM failed_attempts f"
                           " JOIN units u ON u.id = f.unit WHERE " +
                               where + " ORDER BY 1, 2, 3");
  while (failed.executeStep())
    found.at(unit_id(failed.getColumn(0)))
        .failed.push_back({{count_from(failed.getColumn(1)), count_from(failed.getColumn(2))},
                           failed.getColumn(3).getInt() != 0,
                           failed.getColumn(4).getString(),
                           failed.getColumn(5).getInt() != 0});
  std::vector<core::OpenUnit> units;
  units.reserve(found.size());
  for (auto& [unused, unit] : found) units.push_back(std::move(unit));
  return units;
}

namespace {

// Numbers of our own, so they may stand in the text.
std::string among(const char* column, const std::vector<UnitId>& ids) {
  Json list = Json::array();
  for (const UnitId id : ids) list.push_back(static_cast<std::int64_t>(id));
  return fmt::format("{} IN (SELECT value FROM json_each('{}'))", column, list.dump());
}

}  // namespace

std::vector<core::OpenUnit> find_units(SQLite::Database& connection,
                                       const std::vector<UnitId>& ids) {
  return find_units(connection, among("u.id", ids));
}

std::vector<core::LostUnit> find_makers(SQLite::Database& connection,
                                        const std::vector<Digest>& artifacts) {
  std::set<UnitId> makers;
  SQLite::Statement of(connection,
                       "SELECT a.unit FROM unit_artifacts a JOIN units u ON u.id = a.unit"
                       " WHERE a.digest = ? AND u.state = 3");
  for (const Digest& artifact : artifacts) {
    of.reset();
    bind_digest(of, 1, artifact);
    while (of.executeStep()) makers.insert(unit_id(of.getColumn(0)));
  }
  const std::vector<UnitId> ids(makers.begin(), makers.end());
  std::map<UnitId, core::LostUnit> lost;
  for (core::OpenUnit& unit : find_units(connection, ids)) {
    const UnitId id = unit.id;
    lost[id].unit = std::move(unit);
  }
  SQLite::Statement dependents(connection,
                               "SELECT n.needs, n.unit FROM unit_needs n JOIN units u"
                               " ON u.id = n.unit WHERE u.state IN (1, 2) AND " +
                                   among("n.needs", ids) + " ORDER BY 1, 2");
  while (dependents.executeStep())
    lost.at(unit_id(dependents.getColumn(0)))
        .dependents.push_back(unit_id(dependents.getColumn(1)));
  std::vector<core::LostUnit> found;
  for (auto& [unused, one] : lost) found.push_back(std::move(one));
  return found;
}

std::vector<UnitId> find_failed_by(SQLite::Database& connection, const std::string& worker) {
  std::set<UnitId> touched;
  SQLite::Statement rows(connection,
                         "SELECT f.unit FROM failed_attempts f JOIN units u ON u.id = f.unit"
                         " WHERE f.worker = ? AND f.is_lost = 0 AND f.is_excused = 0"
                         " AND u.state = 4");
  rows.bind(1, worker);
  while (rows.executeStep()) touched.insert(unit_id(rows.getColumn(0)));
  if (touched.empty()) return {};
  std::vector<UnitId> found = find_failed(connection, std::nullopt);
  std::erase_if(found, [&](UnitId id) { return !touched.contains(id); });
  return found;
}

std::map<UnitId, int> find_priorities(SQLite::Database& connection) {
  std::map<UnitId, int> found;
  SQLite::Statement rows(connection, fmt::format("WITH {} SELECT p.unit, p.priority"
                                                 " FROM priorities p JOIN units u ON u.id = p.unit"
                                                 " WHERE u.state IN (1, 2) AND p.priority <> 0",
                                                 kPriorities));
  while (rows.executeStep()) found[unit_id(rows.getColumn(0))] = rows.getColumn(1).getInt();
  return found;
}

std::vector<UnitId> find_unwanted(SQLite::Database& connection) {
  std::vector<UnitId> found;
  SQLite::Statement rows(connection, fmt::format("WITH {}, {} SELECT id FROM units"
                                                 " WHERE state IN (1, 2)"
                                                 " AND id NOT IN (SELECT unit FROM wanted)"
                                                 " ORDER BY id",
                                                 kLiveCells, kWantedUnits));
  while (rows.executeStep()) found.push_back(unit_id(rows.getColumn(0)));
  return found;
}

std::vector<UnitId> find_failed(SQLite::Database& connection,
                                std::optional<core::ExperimentId> experiment) {
  std::vector<UnitId> found;
  SQLite::Statement rows(connection, fmt::format("WITH {}, {} SELECT id FROM units"
                                                 " WHERE state = 4"
                                                 " AND id IN (SELECT unit FROM wanted)"
                                                 " ORDER BY id",
                                                 kLiveCells, kWantedUnits));
  if (experiment) rows.bind(1, static_cast<std::int64_t>(*experiment));
  while (rows.executeStep()) found.push_back(unit_id(rows.getColumn(0)));
  return found;
}

namespace {

void add(core::UnitCounts& counts, UnitState state, std::uint64_t number) {
  switch (state) {
    case UnitState::kWaiting:
      counts.waiting += number;
      return;
    case UnitState::kReady:
      counts.ready += number;
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

// The units of one experiment's cells, as cell_units(number, unit).
constexpr const char* kCellUnits =
    "cell_units(number, unit) AS ("
    "  SELECT c.number, u.id FROM cells c"
    "  JOIN units u ON u.sample = c.sample AND u.kind = 2 AND u.range_begin < c.images"
    "  WHERE c.experiment = ?1"
    "  UNION SELECT cs.number, s.unit FROM cell_scores cs JOIN scores s ON s.id = cs.score"
    "  WHERE cs.experiment = ?1)";

void count_cells(SQLite::Database& connection, core::ExperimentView& view) {
  SQLite::Statement rows(connection,
                         fmt::format("WITH {}, states(is_failed, is_open) AS ("
                                     "  SELECT max(u.state = 4), max(u.state IN (1, 2, 5))"
                                     "  FROM cell_units c JOIN units u ON u.id = c.unit"
                                     "  GROUP BY c.number)"
                                     "SELECT count(*), coalesce(sum(is_failed), 0),"
                                     " coalesce(sum(NOT is_failed AND NOT is_open), 0)"
                                     " FROM states",
                                     kCellUnits));
  rows.bind(1, static_cast<std::int64_t>(view.id));
  if (!rows.executeStep()) return;
  view.cells = count_from(rows.getColumn(0));
  view.cells_failed = count_from(rows.getColumn(1));
  view.cells_done = count_from(rows.getColumn(2));
}

void count_units(SQLite::Database& connection, core::ExperimentView& view) {
  SQLite::Statement rows(connection,
                         fmt::format("WITH {}, mine(unit) AS ("
                                     "  SELECT unit FROM cell_units UNION"
                                     "  SELECT n.needs FROM cell_units c"
                                     "  JOIN unit_needs n ON n.unit = c.unit)"
                                     "SELECT u.state, count(*), sum(u.gflops) FROM mine m"
                                     " JOIN units u ON u.id = m.unit GROUP BY u.state",
                                     kCellUnits));
  rows.bind(1, static_cast<std::int64_t>(view.id));
  while (rows.executeStep()) {
    const UnitState state = unit_state(rows.getColumn(0));
    add(view.units, state, count_from(rows.getColumn(1)));
    if (state == UnitState::kCancelled) continue;
    view.gflops_total += rows.getColumn(2).getDouble();
    if (state == UnitState::kDone) view.gflops_done += rows.getColumn(2).getDouble();
  }
}

// The units that failed by themselves, one for each reason, rather than those that wait for them.
void list_failed_cells(SQLite::Database& connection, core::ExperimentView& view) {
  SQLite::Statement rows(
      connection,
      fmt::format("WITH {} SELECT c.number, l.labels, u.name, u.failure_class, u.failure_reason,"
                  " u.failure_log, u.attempts + u.lost_workers > 0 FROM cell_units c JOIN units u "
                  "ON u.id = c.unit AND u.state = 4"
                  " JOIN cells l ON l.experiment = ?1 AND l.number = c.number"
                  " ORDER BY c.number, u.attempts + u.lost_workers = 0, u.id",
                  kCellUnits));
  rows.bind(1, static_cast<std::int64_t>(view.id));
  while (rows.executeStep() && view.failed.size() < core::kFailedCellsShown) {
    const std::uint64_t number = count_from(rows.getColumn(0));
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

}  // namespace

namespace {

core::ExperimentView* find_view(core::Snapshot& snapshot, core::ExperimentId id) {
  const auto at = std::find_if(snapshot.experiments.begin(), snapshot.experiments.end(),
                               [&](const core::ExperimentView& view) { return view.id == id; });
  return at == snapshot.experiments.end() ? nullptr : &*at;
}

// What the workers' units are for, and whose they are.
void describe_running(SQLite::Database& connection, core::Snapshot& snapshot) {
  SQLite::Statement units(connection, "SELECT range_begin, range_end FROM units WHERE name = ?");
  SQLite::Statement cells(
      connection,
      "SELECT c.experiment, c.labels FROM units u JOIN cells c ON c.sample = u.sample "
      "WHERE u.name = ? AND NOT c.is_cancelled GROUP BY c.experiment ORDER BY c.experiment");
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
  SQLite::Statement names(connection, "SELECT name FROM inputs WHERE input = ?");
  for (core::MissingInput& missing : snapshot.missing_inputs) {
    names.reset();
    names.bind(1, missing.input);
    if (names.executeStep()) missing.name = names.getColumn(0).getString();
  }
}

}  // namespace

void describe(SQLite::Database& connection, core::Snapshot& snapshot) {
  snapshot.units = {.leased = snapshot.units.leased};
  SQLite::Statement units(connection, "SELECT state, count(*) FROM units GROUP BY state");
  while (units.executeStep())
    add(snapshot.units, unit_state(units.getColumn(0)), count_from(units.getColumn(1)));
  SQLite::Statement rows(
      connection, "SELECT id, name, is_cancelled, submitted_ms FROM experiments ORDER BY id");
  snapshot.experiments.clear();
  while (rows.executeStep()) {
    core::ExperimentView view{.id = core::ExperimentId{rows.getColumn(0).getInt64()},
                              .name = rows.getColumn(1).getString(),
                              .is_cancelled = rows.getColumn(2).getInt() != 0,
                              .submitted_ms = rows.getColumn(3).getInt64(),
                              .units = {},
                              .failed = {}};
    count_cells(connection, view);
    count_units(connection, view);
    if (view.cells_failed > 0) list_failed_cells(connection, view);
    snapshot.experiments.push_back(std::move(view));
  }
  describe_running(connection, snapshot);
  name_inputs(connection, snapshot);
}

}  // namespace isocost::storage

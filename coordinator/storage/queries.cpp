#include "coordinator/storage/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace isocost::storage {
namespace {

using core::UnitId;

UnitId unit_id(const SQLite::Column& column) { return UnitId{column.getInt64()}; }

// Cells that somebody still wants, as live(experiment, number, sample, images).
constexpr const char* kLiveCells =
    "live(experiment, number, sample, images) AS ("
    "  SELECT c.experiment, c.number, c.sample, c.images FROM cells c"
    "  JOIN experiments e ON e.id = c.experiment"
    "  WHERE e.is_cancelled = 0 AND (?1 IS NULL OR e.id = ?1))";

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
    "  JOIN units u ON u.sample = l.sample AND u.kind = #generate AND u.range_begin < l.images)";

// The priority of each unit that a live cell wants: the highest of those that want it. Empty where
// every experiment has 0.
constexpr const char* kPriorities =
    "ranked(experiment, number, sample, images, priority) AS ("
    "  SELECT c.experiment, c.number, c.sample, c.images, e.priority FROM cells c"
    "  JOIN experiments e ON e.id = c.experiment"
    "  WHERE e.is_cancelled = 0"
    "  AND EXISTS (SELECT 1 FROM experiments WHERE is_cancelled = 0 AND priority <> 0)),"
    "judged_at(unit, priority) AS ("
    "  SELECT s.unit, max(r.priority) FROM ranked r"
    "  JOIN cell_scores cs ON cs.experiment = r.experiment AND cs.number = r.number"
    "  JOIN scores s ON s.id = cs.score GROUP BY s.unit),"
    "wishes(unit, priority) AS ("
    "  SELECT unit, priority FROM judged_at"
    "  UNION ALL SELECT n.needs, j.priority FROM judged_at j JOIN unit_needs n ON n.unit = j.unit"
    "  UNION ALL SELECT u.id, r.priority FROM ranked r"
    "  JOIN units u ON u.sample = r.sample AND u.kind = #generate AND u.range_begin < r.images),"
    "priorities(unit, priority) AS (SELECT unit, max(priority) FROM wishes GROUP BY unit)";

std::int64_t next_id(SQLite::Database& connection, const char* table) {
  return connection.execAndGet(fmt::format("SELECT coalesce(max(id), 0) + 1 FROM {}", table))
      .getInt64();
}

core::ExistingGenerate generate_from(const SQLite::Statement& row, Query& extractors) {
  core::ExistingGenerate unit;
  unit.id = unit_id(row.getColumn(0));
  unit.state = unit_state(row.getColumn(1));
  unit.range = {count_from(row.getColumn(2)), count_from(row.getColumn(3))};
  unit.keep_pictures = count_from(row.getColumn(4));
  extractors.reset();
  extractors.bind(1, static_cast<std::int64_t>(unit.id));
  while (extractors.executeStep()) unit.extractors.insert(digest_from(extractors.getColumn(0)));
  return unit;
}

void find_samples(SQLite::Database& connection, const std::vector<Digest>& samples,
                  core::Existing& existing) {
  Query find(connection, "SELECT id FROM samples WHERE key = ?");
  Query units(connection,
              "SELECT id, state, range_begin, range_end, keep_pictures FROM units"
              " WHERE sample = ? AND kind = #generate ORDER BY range_begin, id");
  Query extractors(connection, "SELECT extractor FROM unit_extractors WHERE unit = ?");
  for (const Digest& key : samples) {
    if (existing.samples.contains(key)) continue;
    find.reset();
    bind_digest(find, 1, key);
    if (!find.executeStep()) continue;
    core::ExistingSample sample{.id = core::SampleId{find.getColumn(0).getInt64()}, .units = {}};
    units.reset();
    units.bind(1, static_cast<std::int64_t>(sample.id));
    while (units.executeStep()) sample.units.push_back(generate_from(units, extractors));
    existing.samples.emplace(key, std::move(sample));
  }
}

// Requires: `samples` are those of the submission's cells.
void find_scores(SQLite::Database& connection, const Submission& submission,
                 const std::vector<Digest>& samples, core::Existing& existing) {
  Query find(connection,
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
  Query find(connection,
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
  Query rows(connection,
             "SELECT n.unit, n.needs FROM unit_needs n"
             " JOIN units u ON u.id = n.unit AND u.state = #cancelled"
             " JOIN units d ON d.id = n.needs AND d.state = #cancelled ORDER BY 1, 2");
  while (rows.executeStep())
    existing.cancelled_needs[unit_id(rows.getColumn(0))].push_back(unit_id(rows.getColumn(1)));
}

}  // namespace

core::Existing find_existing(SQLite::Database& connection, const Submission& submission) {
  core::Existing existing;
  existing.next = {.experiment = next_id(connection, "experiments"),
                   .sample = next_id(connection, "samples"),
                   .score = next_id(connection, "scores"),
                   .unit = next_id(connection, "units")};
  Query name(connection, "SELECT id FROM experiments WHERE name = ?");
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
  Query rows(
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
  Query inputs(connection,
               "SELECT i.unit, i.input FROM unit_inputs i"
               " JOIN units u ON u.id = i.unit WHERE " +
                   where + " ORDER BY 1, 2");
  while (inputs.executeStep())
    found.at(unit_id(inputs.getColumn(0))).inputs.push_back(inputs.getColumn(1).getString());
  Query needs(connection,
              "SELECT n.unit, n.needs FROM unit_needs n"
              " JOIN units u ON u.id = n.unit"
              " JOIN units d ON d.id = n.needs AND d.state <> #done WHERE " +
                  where + " ORDER BY 1, 2");
  while (needs.executeStep())
    found.at(unit_id(needs.getColumn(0))).needs.push_back(unit_id(needs.getColumn(1)));
  Query failed(connection,
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
  Query of(connection,
           "SELECT a.unit FROM unit_artifacts a JOIN units u ON u.id = a.unit"
           " WHERE a.digest = ? AND u.state = #done");
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
  Query dependents(connection,
                   "SELECT n.needs, n.unit FROM unit_needs n JOIN units u"
                   " ON u.id = n.unit WHERE u.state = #open AND " +
                       among("n.needs", ids) + " ORDER BY 1, 2");
  while (dependents.executeStep())
    lost.at(unit_id(dependents.getColumn(0)))
        .dependents.push_back(unit_id(dependents.getColumn(1)));
  std::vector<core::LostUnit> found;
  found.reserve(lost.size());
  for (auto& [unused, one] : lost) found.push_back(std::move(one));
  return found;
}

std::vector<UnitId> find_failed_by(SQLite::Database& connection, const std::string& worker) {
  std::set<UnitId> touched;
  Query rows(connection,
             "SELECT f.unit FROM failed_attempts f JOIN units u ON u.id = f.unit"
             " WHERE f.worker = ? AND f.is_lost = 0 AND f.is_excused = 0"
             " AND u.state = #failed");
  rows.bind(1, worker);
  while (rows.executeStep()) touched.insert(unit_id(rows.getColumn(0)));
  if (touched.empty()) return {};
  std::vector<UnitId> found = find_failed(connection, std::nullopt);
  std::erase_if(found, [&](UnitId id) { return !touched.contains(id); });
  return found;
}

std::map<UnitId, int> find_priorities(SQLite::Database& connection) {
  std::map<UnitId, int> found;
  Query rows(connection, fmt::format("WITH {} SELECT p.unit, p.priority"
                                     " FROM priorities p JOIN units u ON u.id = p.unit"
                                     " WHERE u.state = #open AND p.priority <> 0",
                                     kPriorities));
  while (rows.executeStep()) found[unit_id(rows.getColumn(0))] = rows.getColumn(1).getInt();
  return found;
}

std::vector<UnitId> find_unwanted(SQLite::Database& connection) {
  std::vector<UnitId> found;
  Query rows(connection, fmt::format("WITH {}, {} SELECT id FROM units"
                                     " WHERE state = #open"
                                     " AND id NOT IN (SELECT unit FROM wanted)"
                                     " ORDER BY id",
                                     kLiveCells, kWantedUnits));
  while (rows.executeStep()) found.push_back(unit_id(rows.getColumn(0)));
  return found;
}

std::vector<UnitId> find_failed(SQLite::Database& connection,
                                std::optional<core::ExperimentId> experiment) {
  std::vector<UnitId> found;
  Query rows(connection, fmt::format("WITH {}, {} SELECT id FROM units"
                                     " WHERE state = #failed"
                                     " AND id IN (SELECT unit FROM wanted)"
                                     " ORDER BY id",
                                     kLiveCells, kWantedUnits));
  if (experiment) rows.bind(1, static_cast<std::int64_t>(*experiment));
  while (rows.executeStep()) found.push_back(unit_id(rows.getColumn(0)));
  return found;
}

}  // namespace isocost::storage

#include "reports/load/load.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/io/database_uri.h"
#include "schema/metrics/metric.h"
#include "schema/units/kind.h"

namespace isocost::report {
namespace {

constexpr std::size_t kReasonsMax = 8;       // that differ, of a cell's failure
constexpr std::size_t kLogTailMax = 16'384;  // bytes of a failure's log that a report shows

Digest digest_from(const SQLite::Column& column) {
  Digest digest;
  if (column.getBytes() == static_cast<int>(digest.bytes.size()))
    std::copy_n(static_cast<const std::uint8_t*>(column.getBlob()), digest.bytes.size(),
                digest.bytes.begin());
  return digest;
}

// Where the folder cannot be written and no log is left, the file alone is read as it stands.
SQLite::Database open_read_only(const std::filesystem::path& file) {
  const int flags = SQLite::OPEN_READONLY | SQLite::OPEN_URI;
  try {
    SQLite::Database database(io::read_only_uri(file), flags, 5000);
    database.exec("PRAGMA query_only = 1");
    (void)database.execAndGet("SELECT count(*) FROM sqlite_schema");
    return database;
  } catch (const SQLite::Exception& error) {
    const auto unchanging = io::unchanging_uri(file);
    const bool has_no_place =
        error.getErrorCode() == SQLITE_CANTOPEN || error.getErrorCode() == SQLITE_READONLY;
    if (!has_no_place || !unchanging) throw;
    return SQLite::Database(*unchanging, flags, 5000);
  }
}

// The outcome of a unit, as several cells may share it.
struct UnitRow {
  std::string name;
  UnitState state = UnitState::kOpen;
  ImageRange range;
  std::uint64_t attempts = 0;
  int failure_class = 0;
  std::string failure_reason, failure_log;
  bool has_result = false;
  std::string outcome, device_class, measured;
  std::uint64_t repeats = 0, mismatches = 0;
};

class Loader {
 public:
  explicit Loader(SQLite::Database& database) : db_(database) {}

  Result<ReportData> load(const std::vector<std::string>& names) {
    read_experiments(names);
    if (!failure_.is_empty()) return fail(std::move(failure_));
    for (const auto& [id, experiment] : chosen_) read_cells(id, experiment.name);
    read_references();
    read_input_names();
    if (!failure_.is_empty()) return fail(std::move(failure_));
    for (const auto& [id, experiment] : chosen_) data_.experiments.push_back(experiment);
    return std::move(data_);
  }

 private:
  Json json_of(const std::string& text, const std::string& where) {
    auto json = parse_json(text, where);
    if (json) return std::move(*json);
    failure_.add(json.error());
    return Json::object();
  }

  template <class T>
  T taken(Result<T> result) {
    if (result) return std::move(*result);
    failure_.add(result.error());
    return T{};
  }

  void read_experiments(const std::vector<std::string>& names) {
    std::map<std::string, std::int64_t> ids;
    std::map<std::string, Experiment> known;
    SQLite::Statement rows(
        db_, "SELECT id, name, grid, axes, is_cancelled FROM experiments ORDER BY name");
    while (rows.executeStep()) {
      Experiment experiment{rows.getColumn(1).getString(), rows.getColumn(2).getString(), {}};
      for (const Json& axis : json_of(rows.getColumn(3).getString(), experiment.name + ": axes"))
        if (axis.is_string()) experiment.axes.push_back(axis.get<std::string>());
      ids[experiment.name] = rows.getColumn(0).getInt64();
      if (rows.getColumn(4).getInt() != 0) cancelled_.insert(rows.getColumn(0).getInt64());
      known.emplace(experiment.name, std::move(experiment));
    }
    std::string all;
    for (const auto& [name, unused] : known) all += (all.empty() ? "" : ", ") + name;
    std::vector<std::string> wanted = names;
    if (wanted.empty())
      for (const auto& [name, unused] : known) wanted.push_back(name);
    if (wanted.empty())
      failure_.add(db_.getFilename(), "it holds no experiment", "one that was submitted");
    for (const std::string& name : wanted) {
      const auto found = known.find(name);
      if (found == known.end()) {
        failure_.add(name, "no experiment of this name",
                     all.empty() ? "one that was submitted" : "one of: " + all);
      } else if (std::none_of(chosen_.begin(), chosen_.end(),
                              [&](const auto& c) { return c.first == ids[name]; })) {
        chosen_.emplace_back(ids[name], found->second);
      }
    }
  }

  void read_cells(std::int64_t experiment, const std::string& name) {
    SQLite::Statement rows(
        db_,
        "SELECT c.number, c.sample, c.labels, c.images, s.key, s.spec, s.cost "
        "FROM cells c JOIN samples s ON s.id = c.sample WHERE c.experiment = ? ORDER BY c.number");
    rows.bind(1, experiment);
    while (rows.executeStep()) {
      Cell cell;
      cell.experiment = name;
      cell.number = static_cast<std::uint64_t>(rows.getColumn(0).getInt64());
      const std::string where = name + ": cell " + std::to_string(cell.number);
      cell.labels = json_of(rows.getColumn(2).getString(), where + " labels");
      cell.images = static_cast<std::uint64_t>(rows.getColumn(3).getInt64());
      cell.sample_key = digest_from(rows.getColumn(4)).hex();
      cell.sample =
          taken(sample_spec_from_json(json_of(rows.getColumn(5).getString(), where), where));
      cell.cost = taken(cell_cost_from_json(json_of(rows.getColumn(6).getString(), where), where));
      read_units(rows.getColumn(1).getInt64(), cell);
      const bool scores_are_done = read_scores(experiment, cell, where);
      cell.state = cell.failure                         ? CellState::kFailed
                   : scores_are_done && has_all_images_ ? CellState::kDone
                   : cancelled_.contains(experiment)    ? CellState::kCancelled
                                                        : CellState::kOpen;
      data_.cells.push_back(std::move(cell));
      if (failure_.errors.size() > 20) return;  // a broken database: the first faults say it
    }
  }

  static UnitRow unit_from(SQLite::Statement& row) {
    UnitRow unit;
    unit.name = row.getColumn(1).getString();
    unit.state = static_cast<UnitState>(row.getColumn(2).getInt());
    unit.range = {static_cast<std::uint64_t>(row.getColumn(3).getInt64()),
                  static_cast<std::uint64_t>(row.getColumn(4).getInt64())};
    unit.attempts = static_cast<std::uint64_t>(row.getColumn(5).getInt64());
    unit.failure_class = row.getColumn(6).getInt();
    unit.failure_reason = row.getColumn(7).getString();
    unit.failure_log = row.getColumn(8).getString();
    unit.has_result = !row.getColumn(9).isNull();
    unit.outcome = row.getColumn(9).getString();
    unit.device_class = row.getColumn(10).getString();
    unit.measured = row.getColumn(11).getString();
    unit.repeats = static_cast<std::uint64_t>(row.getColumn(12).getInt64());
    unit.mismatches = static_cast<std::uint64_t>(row.getColumn(13).getInt64());
    return unit;
  }

  static constexpr const char* kUnitColumns =
      "SELECT u.id, u.name, u.state, u.range_begin, u.range_end, u.attempts + "
      "u.lost_workers, "
      "coalesce(u.failure_class, 0), "
      "coalesce(u.failure_reason, ''), coalesce(u.failure_log, ''), r.outcome, "
      "coalesce(r.device_class, ''), "
      "coalesce(r.measured, '{}'), "
      "(SELECT coalesce(sum(times), 0) FROM repeats p WHERE p.unit = u.id), "
      "(SELECT coalesce(sum(times), 0) FROM repeats p WHERE p.unit = u.id AND p.agrees = 0 "
      " AND p.device_class = r.device_class) "
      "FROM units u LEFT JOIN results r ON r.unit = u.id ";

  // Generate units of the sample; units of other cells' further images stay outside.
  void read_units(std::int64_t sample, Cell& cell) {
    SQLite::Statement& rows =
        statement(std::string(kUnitColumns) +
                  "WHERE u.sample = ? AND u.kind = #generate AND u.range_begin < ? "
                  "ORDER BY u.range_begin, u.range_end, u.name");
    rows.bind(1, sample);
    rows.bind(2, static_cast<std::int64_t>(cell.images));
    std::set<std::string> devices, classes;
    std::map<std::uint64_t, Digest> pictures;
    bool energy_is_known = true;
    std::uint64_t covered = 0;
    while (rows.executeStep()) {
      const UnitRow unit = unit_from(rows);
      note(unit, cell);
      if (unit.state != UnitState::kDone || !unit.has_result) continue;
      if (unit.range.begin <= covered) covered = std::max(covered, unit.range.end);
      add_measured(unit, cell.measured, devices, classes, energy_is_known);
      read_pictures(rows.getColumn(0).getInt64(), pictures);
    }
    has_all_images_ = covered >= cell.images;
    if (!energy_is_known) cell.measured.energy_joules.reset();
    cell.measured.devices.assign(devices.begin(), devices.end());
    cell.measured.device_classes.assign(classes.begin(), classes.end());
    for (const auto& [number, digest] : pictures)
      if (number < cell.images) cell.pictures.push_back({number, digest});
  }

  static void note(const UnitRow& unit, Cell& cell) {
    cell.measured.failed_attempts += unit.attempts;
    cell.measured.repeats += unit.repeats;
    cell.measured.mismatches += unit.mismatches;
    if (unit.state != UnitState::kFailed) return;
    // A unit that failed by itself says more than one that failed for want of another.
    if (cell.failure && unit.attempts == 0) return;
    if (cell.failure && cell.failure->attempts > 0) return note_also(unit, *cell.failure);
    std::string tail = unit.failure_log;
    if (tail.size() > kLogTailMax) tail = tail.substr(tail.size() - kLogTailMax);
    cell.failure = CellFailure{
        unit.name, std::string(failure_class_name(static_cast<FailureClass>(unit.failure_class))),
        unit.failure_reason, std::move(tail), unit.attempts};
  }

  static void note_also(const UnitRow& unit, CellFailure& failure) {
    auto& also = failure.also;
    const bool is_told = unit.failure_reason == failure.reason ||
                         std::find(also.begin(), also.end(), unit.failure_reason) != also.end();
    if (!is_told && also.size() + 1 < kReasonsMax) also.push_back(unit.failure_reason);
  }

  void add_measured(const UnitRow& unit, Measured& measured, std::set<std::string>& devices,
                    std::set<std::string>& classes, bool& energy_is_known) {
    const Json values = json_of(unit.measured, unit.name + ": measured");
    const auto number = [&](const char* key) -> std::optional<double> {
      if (!values.contains(key) || !values[key].is_number()) return std::nullopt;
      return values[key].get<double>();
    };
    measured.seconds += number("seconds").value_or(0);
    measured.images += unit.range.size();
    measured.peak_bytes = std::max(measured.peak_bytes, number("peak_bytes").value_or(0));
    if (const auto energy = number("energy_joules"))
      measured.energy_joules = measured.energy_joules.value_or(0) + *energy;
    else
      energy_is_known = false;
    if (values.contains("device") && values["device"].is_string())
      devices.insert(values["device"].get<std::string>());
    if (!unit.device_class.empty()) classes.insert(unit.device_class);
  }

  void read_pictures(std::int64_t unit, std::map<std::uint64_t, Digest>& pictures) {
    SQLite::Statement& rows = statement("SELECT name, digest FROM unit_artifacts WHERE unit = ?");
    rows.bind(1, unit);
    while (rows.executeStep()) {
      if (const auto image = image_of_picture(rows.getColumn(0).getString()))
        pictures.emplace(*image, digest_from(rows.getColumn(1)));
    }
  }

  bool read_scores(std::int64_t experiment, Cell& cell, const std::string& where) {
    SQLite::Statement& rows = statement(
        "SELECT s.key, s.spec, s.unit FROM cell_scores c JOIN scores s ON s.id = c.score"
        " WHERE c.experiment = ? AND c.number = ? ORDER BY c.place");
    rows.bind(1, experiment);
    rows.bind(2, static_cast<std::int64_t>(cell.number));
    bool are_done = true;
    while (rows.executeStep()) {
      Score score;
      score.key = digest_from(rows.getColumn(0)).hex();
      score.spec = taken(score_spec_from_json(
          json_of(rows.getColumn(1).getString(), where + " score"), where + " score"));
      if (metrics::find_metric(score.spec.metric) == nullptr) {
        failure_.add(where + " score", "the metric '" + score.spec.metric + "' is unknown here",
                     "one of: " + joined(metrics::metric_names()));
        continue;
      }
      are_done = read_outcome(rows.getColumn(2).getInt64(), cell, score) && are_done;
      cell.scores.push_back(std::move(score));
    }
    std::stable_sort(cell.scores.begin(), cell.scores.end(),
                     [](const Score& a, const Score& b) { return a.spec.metric < b.spec.metric; });
    return are_done;
  }

  // A metric that could not make one says so and repeats its value.
  static bool has_interval(const Json& values) {
    if (!values.is_object() || !values.contains("interval")) return true;
    const Json& interval = values["interval"];
    return !(interval.is_object() && interval.contains("method") && interval["method"] == "none");
  }

  static void read_replicates(Score& score) {
    if (!score.values.is_object() || !score.values.contains("interval")) return;
    Json& interval = score.values["interval"];
    if (!interval.is_object() || !interval.contains("deviations")) return;
    for (const Json& deviation : interval["deviations"])
      if (deviation.is_number()) score.deviations.push_back(deviation.get<double>());
    score.is_jackknife = interval.contains("method") && interval["method"] == "jackknife";
    interval.erase("deviations");  // numbers to compute with, not to read
  }

  bool read_outcome(std::int64_t unit_id, Cell& cell, Score& score) {
    SQLite::Statement& rows = statement(std::string(kUnitColumns) + "WHERE u.id = ?");
    rows.bind(1, unit_id);
    if (!rows.executeStep()) return false;
    const UnitRow unit = unit_from(rows);
    note(unit, cell);
    if (unit.state != UnitState::kDone || !unit.has_result) return false;
    score.values = json_of(unit.outcome, unit.name + ": outcome");
    score.measured_device_class = unit.device_class;
    const auto number = [&](const char* key) -> std::optional<double> {
      if (!score.values.is_object() || !score.values.contains(key) ||
          !score.values[key].is_number())
        return std::nullopt;
      return score.values[key].get<double>();
    };
    score.value = number("value");
    if (has_interval(score.values)) {
      score.low = number("low");
      score.high = number("high");
      read_replicates(score);
    }
    score.n = static_cast<std::uint64_t>(
        std::max(0.0, number("n").value_or(static_cast<double>(score.spec.range.size()))));
    const Json measured = json_of(unit.measured, unit.name + ": measured");
    if (measured.contains("seconds") && measured["seconds"].is_number())
      score.measured_seconds = measured["seconds"].get<double>();
    return true;
  }

  void read_references() {
    std::set<std::string> used;
    for (const Cell& cell : data_.cells)
      for (const Score& score : cell.scores) used.insert(score.spec.reference);
    SQLite::Statement rows(db_, "SELECT key, spec FROM reference_sets ORDER BY key");
    while (rows.executeStep()) {
      const std::string key = digest_from(rows.getColumn(0)).hex();
      if (!used.contains(key)) continue;
      const std::string where = "reference " + key.substr(0, 12);
      data_.references.push_back({key, taken(reference_spec_from_json(
                                           json_of(rows.getColumn(1).getString(), where), where))});
    }
  }

  void read_input_names() {
    SQLite::Statement rows(db_, "SELECT input, name FROM inputs ORDER BY input");
    while (rows.executeStep())
      data_.input_names[rows.getColumn(0).getString()] = rows.getColumn(1).getString();
  }

  // Prepared once a text, reset on each use.
  SQLite::Statement& statement(const std::string& sql) {
    auto& slot = statements_[sql];
    if (!slot) slot = std::make_unique<SQLite::Statement>(db_, units::with_numbers(sql));
    slot->reset();
    slot->clearBindings();
    return *slot;
  }

  SQLite::Database& db_;
  std::unordered_map<std::string, std::unique_ptr<SQLite::Statement>> statements_;
  std::vector<std::pair<std::int64_t, Experiment>> chosen_;
  std::set<std::int64_t> cancelled_;
  bool has_all_images_ = false;
  ReportData data_;
  Failure failure_;
};

}  // namespace

Result<ReportData> load(const std::filesystem::path& database,
                        const std::vector<std::string>& experiments) {
  std::error_code unused;
  if (!std::filesystem::is_regular_file(database, unused))
    return fail(database.string(), "there is no such file", "the database of a coordinator");
  try {
    SQLite::Database db = open_read_only(database);
    if (!db.tableExists("experiments") || !db.tableExists("cells"))
      return fail(database.string(), "this is no database of isocost",
                  "one that isocost coordinator or isocost run made");
    SQLite::Transaction snapshot(db);  // ends with a rollback: nothing was written
    return Loader(db).load(experiments);
  } catch (const SQLite::Exception& error) {
    return fail(database.string(), std::string("it cannot be read: ") + error.what(),
                "the database of a coordinator");
  }
}

}  // namespace isocost::report

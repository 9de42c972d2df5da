#include "reports/load/cells.h"

#include <algorithm>
#include <set>

#include "schema/metrics/metric.h"

namespace isocost::report {
namespace {

using storage::digest_from;
using storage::Query;

constexpr std::size_t kReasonsMax = 8;       // that differ, of a cell's failure
constexpr std::size_t kLogTailMax = 16'384;  // bytes of a failure's log that a report shows

// The outcome of a unit, as several cells may share it.
struct UnitRow {
  std::string name;
  UnitState state = UnitState::kOpen;
  ImageRange range;
  std::uint64_t keep_pictures = 0;
  std::uint64_t attempts = 0;
  int failure_class = 0;
  std::string failure_reason, failure_log;
  bool has_result = false;
  std::string outcome, device_class, measured;
  std::uint64_t repeats = 0, mismatches = 0;
};

UnitRow unit_from(SQLite::Statement& row) {
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
  unit.keep_pictures = storage::count_from(row.getColumn(14));
  return unit;
}

constexpr const char* kUnitColumns =
    "SELECT u.id, u.name, u.state, u.range_begin, u.range_end, u.attempts + "
    "u.lost_workers, "
    "coalesce(u.failure_class, 0), "
    "coalesce(u.failure_reason, ''), coalesce(u.failure_log, ''), r.outcome, "
    "coalesce(r.device_class, ''), "
    "coalesce(r.measured, '{}'), "
    "(SELECT coalesce(sum(times), 0) FROM repeats p WHERE p.unit = u.id), "
    "(SELECT coalesce(sum(times), 0) FROM repeats p WHERE p.unit = u.id AND p.agrees = 0 "
    " AND p.device_class = r.device_class), u.keep_pictures "
    "FROM units u LEFT JOIN results r ON r.unit = u.id ";

void note_also(const UnitRow& unit, CellFailure& failure) {
  auto& also = failure.also;
  const bool is_told = unit.failure_reason == failure.reason ||
                       std::find(also.begin(), also.end(), unit.failure_reason) != also.end();
  if (!is_told && also.size() + 1 < kReasonsMax) also.push_back(unit.failure_reason);
}

void note(const UnitRow& unit, Cell& cell) {
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

class ImageReader {
 public:
  explicit ImageReader(Source& source) : source_(source) {}

  // Generate units of the sample; units of other cells' further images stay outside.
  void read(std::int64_t sample, Cell& cell, CellProgress& progress) {
    SQLite::Statement& rows =
        source_.statement(std::string(kUnitColumns) +
                          "WHERE u.sample = ? AND u.kind = #generate AND u.range_begin < ? "
                          "ORDER BY u.range_begin, u.range_end, u.name");
    rows.bind(1, sample);
    rows.bind(2, static_cast<std::int64_t>(cell.images));
    std::set<std::string> devices, classes;
    std::map<std::uint64_t, Digest> pictures;
    bool energy_is_known = true;
    while (rows.executeStep()) {
      const UnitRow unit = unit_from(rows);
      note(unit, cell);
      progress.add_images(unit.range, unit.keep_pictures, unit.state);
      if (unit.state != UnitState::kDone || !unit.has_result) continue;
      add_measured(unit, cell.measured, devices, classes, energy_is_known);
      read_pictures(rows.getColumn(0).getInt64(), pictures);
    }
    if (!energy_is_known) cell.measured.energy_joules.reset();
    cell.measured.devices.assign(devices.begin(), devices.end());
    cell.measured.device_classes.assign(classes.begin(), classes.end());
    for (const auto& [number, digest] : pictures)
      if (number < cell.images) cell.pictures.push_back({number, digest});
  }

 private:
  void add_measured(const UnitRow& unit, Measured& measured, std::set<std::string>& devices,
                    std::set<std::string>& classes, bool& energy_is_known) {
    const Json values = source_.json_of(unit.measured, unit.name + ": measured");
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
    SQLite::Statement& rows =
        source_.statement("SELECT name, digest FROM unit_artifacts WHERE unit = ?");
    rows.bind(1, unit);
    while (rows.executeStep()) {
      if (const auto image = image_of_picture(rows.getColumn(0).getString()))
        pictures.emplace(*image, digest_from(rows.getColumn(1)));
    }
  }

  Source& source_;
};

class ScoreReader {
 public:
  explicit ScoreReader(Source& source) : source_(source) {}

  void read(std::int64_t experiment, Cell& cell, const std::string& where, CellProgress& progress) {
    SQLite::Statement& rows = source_.statement(
        "SELECT s.key, s.spec, s.unit FROM cell_scores c JOIN scores s ON s.id = c.score"
        " WHERE c.experiment = ? AND c.number = ? ORDER BY c.place");
    rows.bind(1, experiment);
    rows.bind(2, static_cast<std::int64_t>(cell.number));
    while (rows.executeStep()) {
      Score score;
      score.key = digest_from(rows.getColumn(0)).hex();
      score.spec = source_.taken(score_spec_from_json(
          source_.json_of(rows.getColumn(1).getString(), where + " score"), where + " score"));
      if (metrics::find_metric(score.spec.metric) == nullptr) {
        source_.failure().add(where + " score",
                              "the metric '" + score.spec.metric + "' is unknown here",
                              "one of: " + joined(metrics::metric_names()));
        continue;
      }
      read_outcome(rows.getColumn(2).getInt64(), cell, score, progress);
      cell.scores.push_back(std::move(score));
    }
    std::stable_sort(cell.scores.begin(), cell.scores.end(),
                     [](const Score& a, const Score& b) { return a.spec.metric < b.spec.metric; });
  }

 private:
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

  void read_outcome(std::int64_t unit_id, Cell& cell, Score& score, CellProgress& progress) {
    SQLite::Statement& rows = source_.statement(std::string(kUnitColumns) + "WHERE u.id = ?");
    rows.bind(1, unit_id);
    if (!rows.executeStep()) return;
    const UnitRow unit = unit_from(rows);
    note(unit, cell);
    progress.add_score(unit.state);
    if (unit.state != UnitState::kDone || !unit.has_result) return;
    score.values = source_.json_of(unit.outcome, unit.name + ": outcome");
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
    const Json measured = source_.json_of(unit.measured, unit.name + ": measured");
    if (measured.contains("seconds") && measured["seconds"].is_number())
      score.measured_seconds = measured["seconds"].get<double>();
  }

  Source& source_;
};

}  // namespace

std::vector<Cell> read_cells(Source& source, const ExperimentRow& row) {
  ImageReader images(source);
  ScoreReader scores(source);
  std::vector<Cell> cells;
  Query rows(
      source.database(),
      "SELECT c.number, c.sample, c.labels, c.images, s.key, s.spec, s.cost, "
      "c.keep_pictures "
      "FROM cells c JOIN samples s ON s.id = c.sample WHERE c.experiment = ? ORDER BY c.number");
  rows.bind(1, row.id);
  while (rows.executeStep()) {
    Cell cell;
    cell.experiment = row.experiment.name;
    cell.number = static_cast<std::uint64_t>(rows.getColumn(0).getInt64());
    const std::string where = cell.experiment + ": cell " + std::to_string(cell.number);
    cell.labels = source.json_of(rows.getColumn(2).getString(), where + " labels");
    cell.images = static_cast<std::uint64_t>(rows.getColumn(3).getInt64());
    cell.sample_key = digest_from(rows.getColumn(4)).hex();
    cell.sample = source.taken(
        sample_spec_from_json(source.json_of(rows.getColumn(5).getString(), where), where));
    cell.cost = source.taken(
        cell_cost_from_json(source.json_of(rows.getColumn(6).getString(), where), where));
    CellProgress progress({.images = cell.images,
                           .keep_pictures = storage::count_from(rows.getColumn(7)),
                           .is_cancelled = row.is_cancelled});
    images.read(rows.getColumn(1).getInt64(), cell, progress);
    scores.read(row.id, cell, where, progress);
    cell.state = progress.state();
    if (cell.state != CellState::kFailed) cell.failure.reset();
    cells.push_back(std::move(cell));
    if (source.failure().errors.size() > 20) break;  // a broken database: the first faults say it
  }
  return cells;
}

}  // namespace isocost::report

#include "reports/load/cells.h"

#include <algorithm>
#include <set>
#include <utility>

#include "schema/metrics/metric.h"

namespace isocost::report {
namespace {

using storage::digest_from;
using storage::Query;

constexpr std::size_t kReasonsMax = 8;       // that differ, of a cell's failure
constexpr std::size_t kLogTailMax = 16'384;  // bytes of a failure's log that a report shows

void note_also(const UnitRow& unit, CellFailure& failure) {
  auto& also = failure.also;
  const bool is_told = unit.failure_reason == failure.reason ||
                       std::find(also.begin(), also.end(), unit.failure_reason) != also.end();
  if (!is_told && also.size() + 1 < kReasonsMax) also.push_back(unit.failure_reason);
}

// What follows the first line's end; of one long line what follows the character that was cut.
std::string whole_lines(const std::string& cut) {
  if (const std::size_t end = cut.find('\n'); end != std::string::npos) return cut.substr(end + 1);
  const auto is_inside = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  return {std::find_if_not(cut.begin(), cut.end(), is_inside), cut.end()};
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
  if (tail.size() > kLogTailMax) {
    tail.erase(0, tail.size() - kLogTailMax);
    tail = whole_lines(tail);
  }
  cell.failure = CellFailure{
      unit.name, std::string(failure_class_name(static_cast<FailureClass>(unit.failure_class))),
      unit.failure_reason, std::move(tail), unit.attempts};
}

class ImageReader {
 public:
  ImageReader(Source& source, UnitReader& units, ItemsFound& items)
      : source_(source), units_(units), items_(items) {}

  // Generate units of the sample; units of other cells' further images stay outside.
  void read(std::int64_t sample, Cell& cell, CellProgress& progress) {
    SQLite::Statement& rows =
        source_.statement(unit_columns() +
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
      const Json values = source_.json_of(unit.measured, unit.name + ": measured");
      units_.see(rows.getColumn(0).getInt64(), unit, cell.sample_key, values);
      if (unit.state != UnitState::kDone || !unit.has_result) continue;
      add_measured(unit, values, cell.measured, devices, classes, energy_is_known);
      if (unit.keep_pictures > unit.range.begin)
        read_pictures(rows.getColumn(0).getInt64(), cell.sample, pictures);
    }
    if (!energy_is_known) cell.measured.energy_joules.reset();
    cell.measured.devices.assign(devices.begin(), devices.end());
    cell.measured.device_classes.assign(classes.begin(), classes.end());
    for (const auto& [number, digest] : pictures)
      if (number < cell.images) cell.pictures.push_back({number, digest});
  }

 private:
  static void add_measured(const UnitRow& unit, const Json& values, Measured& measured,
                           std::set<std::string>& devices, std::set<std::string>& classes,
                           bool& energy_is_known) {
    const auto seconds = number_in(values, "seconds");
    if (seconds && *seconds > 0) measured.times.push_back({*seconds, unit.range.size()});
    measured.seconds += seconds.value_or(0);
    measured.images += unit.range.size();
    measured.peak_bytes =
        std::max(measured.peak_bytes, number_in(values, "peak_bytes").value_or(0));
    if (const auto energy = number_in(values, "energy_joules"))
      measured.energy_joules = measured.energy_joules.value_or(0) + *energy;
    else
      energy_is_known = false;
    if (const std::string device = text_in(values, "device"); !device.empty())
      devices.insert(device);
    if (!unit.device_class.empty()) classes.insert(unit.device_class);
  }

  void read_pictures(std::int64_t unit, const Shared<SampleSpec>& sample,
                     std::map<std::uint64_t, Digest>& pictures) {
    SQLite::Statement& rows =
        source_.statement("SELECT name, digest FROM unit_artifacts WHERE unit = ?");
    rows.bind(1, unit);
    while (rows.executeStep()) {
      const std::string name = rows.getColumn(0).getString();
      if (const auto image = image_of_picture(name))
        pictures.emplace(*image, digest_from(rows.getColumn(1)));
      else if (const auto item = item_of_artifact(name))
        items_.add(sample, *item, digest_from(rows.getColumn(1)));
    }
  }

  Source& source_;
  UnitReader& units_;
  ItemsFound& items_;
};

class ScoreReader {
 public:
  ScoreReader(Source& source, UnitReader& units) : source_(source), units_(units) {}

  void read(std::int64_t experiment, Cell& cell, const std::string& where, CellProgress& progress) {
    SQLite::Statement& rows = source_.statement(
        "SELECT s.key, s.spec, s.unit FROM cell_scores c JOIN scores s ON s.id = c.score"
        " WHERE c.experiment = ? AND c.number = ? ORDER BY c.place");
    rows.bind(1, experiment);
    rows.bind(2, static_cast<std::int64_t>(cell.number));
    for (std::size_t place = 0; rows.executeStep(); ++place) {
      Score score;
      score.key = digest_from(rows.getColumn(0));
      score.place = place;
      const std::string text = rows.getColumn(1).getString();
      score.spec = specs_.take(text, [&] {
        return source_.taken(
            score_spec_from_json(source_.json_of(text, where + " score"), where + " score"));
      });
      if (metrics::find_metric(score.spec->metric) == nullptr) {
        source_.failure().add(where + " score",
                              "the metric '" + score.spec->metric + "' is unknown here",
                              "one of: " + joined(metrics::metric_names()));
        continue;
      }
      read_outcome(rows.getColumn(2).getInt64(), cell, score, progress);
      cell.scores.push_back(std::move(score));
    }
    keep_replicates_of_first(cell.scores);
    std::stable_sort(cell.scores.begin(), cell.scores.end(), [](const Score& a, const Score& b) {
      return a.spec->metric < b.spec->metric;
    });
  }

 private:
  // A metric that could not make one says so and repeats its value.
  static bool has_interval(const Json& values) {
    if (!values.is_object() || !values.contains("interval")) return true;
    const Json& interval = values["interval"];
    return !(interval.is_object() && interval.contains("method") && interval["method"] == "none");
  }

  // They are many numbers, and only what ranks is compared pair by pair.
  static void keep_replicates_of_first(std::vector<Score>& scores) {
    const auto first = std::find_if(scores.begin(), scores.end(),
                                    [](const Score& score) { return score.value.has_value(); });
    if (first == scores.end()) return;
    for (Score& score : scores)
      if (score.spec->metric != first->spec->metric) std::vector<float>().swap(score.deviations);
  }

  static void read_replicates(Score& score, const Json& interval) {
    if (!interval.is_object() || !interval.contains("deviations")) return;
    score.deviations.reserve(interval["deviations"].size());
    for (const Json& deviation : interval["deviations"])
      if (deviation.is_number()) score.deviations.push_back(deviation.get<float>());
    score.is_jackknife = text_in(interval, "method") == "jackknife";
  }

  // What is not of this one score.
  Shared<Remarks> remarks_of(Json& values) {
    Json told = Json::object();
    for (const char* member : {"interval", "notes", "reference_n"})
      if (values.is_object() && values.contains(member)) told[member] = std::move(values[member]);
    if (told.contains("interval") && told["interval"].is_object()) {
      told["interval"].erase("deviations");  // numbers to compute with, not to read
      told["interval"].erase("bias");
    }
    return remarks_.take(canonical(told), [&] {
      Remarks remarks;
      if (told.contains("interval") && told["interval"].is_object())
        remarks.interval = told["interval"];
      if (told.contains("notes") && told["notes"].is_array())
        for (const Json& note : told["notes"])
          if (note.is_string()) remarks.notes.push_back(note.get<std::string>());
      if (told.contains("reference_n") && told["reference_n"].is_number_unsigned())
        remarks.reference_n = told["reference_n"].get<std::uint64_t>();
      return remarks;
    });
  }

  void read_outcome(std::int64_t unit_id, Cell& cell, Score& score, CellProgress& progress) {
    SQLite::Statement& rows = source_.statement(unit_columns() + "WHERE u.id = ?");
    rows.bind(1, unit_id);
    if (!rows.executeStep()) return;
    const UnitRow unit = unit_from(rows);
    note(unit, cell);
    progress.add_score(unit.state);
    const Json measured = source_.json_of(unit.measured, unit.name + ": measured");
    units_.see(unit_id, unit, cell.sample_key, measured);
    if (unit.state != UnitState::kDone || !unit.has_result) return;
    Json values = source_.json_of(unit.outcome, unit.name + ": outcome");
    score.measured_device_class = texts_.take(unit.device_class, [&] { return unit.device_class; });
    score.value = number_in(values, "value");
    if (has_interval(values)) {
      score.low = number_in(values, "low");
      score.high = number_in(values, "high");
      if (values.is_object() && values.contains("interval"))
        read_replicates(score, values["interval"]);
    }
    score.n = static_cast<std::uint64_t>(std::max(
        0.0, number_in(values, "n").value_or(static_cast<double>(score.spec->range.size()))));
    score.remarks = remarks_of(values);
    score.measured_seconds = number_in(measured, "seconds").value_or(0);
  }

  Source& source_;
  UnitReader& units_;
  SharedPool<ScoreSpec> specs_;
  SharedPool<Remarks> remarks_;
  SharedPool<std::string> texts_;
};

// Guidance and seed stand apart, so that a handful of specs serve all cells.
class SampleReader {
 public:
  explicit SampleReader(Source& source) : source_(source) {}
  void read(const std::string& text, const std::string& where, Cell& cell) {
    SampleSpec spec = source_.taken(sample_spec_from_json(source_.json_of(text, where), where));
    cell.guidance = std::exchange(spec.guidance, 1.0);
    cell.seed = std::exchange(spec.seed, 0);
    cell.sample = samples_.take(canonical(to_json(spec)), [&] { return std::move(spec); });
  }

 private:
  Source& source_;
  SharedPool<SampleSpec> samples_;
};

}  // namespace

void ItemsFound::add(const Shared<SampleSpec>& sample, const ItemArtifact& item,
                     const Digest& digest) {
  std::string& key = keys_[&*sample];
  if (key.empty()) {
    key = data_of(*sample);
    kept_.push_back(sample);
  }
  pictures_[key].emplace(std::pair(item.image, item.slot), digest);
}

std::map<std::string, std::vector<ItemPicture>> ItemsFound::take() const {
  std::map<std::string, std::vector<ItemPicture>> lists;
  for (const auto& [key, pictures] : pictures_) {
    auto& list = lists[key];
    list.reserve(pictures.size());
    for (const auto& [place, digest] : pictures)
      list.push_back({.number = place.first, .slot = place.second, .digest = digest});
  }
  return lists;
}

std::vector<Cell> read_cells(Source& source, const ExperimentRow& row, UnitReader& units,
                             ItemsFound& items) {
  ImageReader images(source, units, items);
  ScoreReader scores(source, units);
  SampleReader samples(source);
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
    samples.read(rows.getColumn(5).getString(), where, cell);
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

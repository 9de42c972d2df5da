#include "coordinator/storage/writes.h"

#include "coordinator/core/submission.h"
#include "coordinator/storage/queries.h"

namespace isocost::storage {
namespace {

using core::UnitId;

std::int64_t number(UnitId id) { return static_cast<std::int64_t>(id); }
std::int64_t number(core::SampleId id) { return static_cast<std::int64_t>(id); }
std::int64_t number(core::ScoreId id) { return static_cast<std::int64_t>(id); }
std::int64_t number(core::ExperimentId id) { return static_cast<std::int64_t>(id); }
std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

class Writer {
 public:
  Writer(WritableDatabase& database, std::int64_t now_ms) : db_(database), now_ms_(now_ms) {}

  void operator()(const core::InsertSubmission& write) {
    const core::SubmissionPlan& plan = *write.plan;
    insert_experiment(plan);
    for (const core::NewSample& sample : plan.samples) insert(sample);
    for (const auto& [key, spec] : plan.extractors) insert_extractor(key, spec);
    for (const core::NewUnit& unit : plan.units) insert(unit);
    for (const core::NewScore& score : plan.scores) insert(score);
    for (const core::NewReference& reference : plan.references) insert(reference);
    for (const core::CellRow& cell : plan.cells) insert(plan.experiment, cell);
    for (const auto& [input, name] : plan.input_names) insert_input(input, name, false);
    for (const std::string& blob : plan.blobs) insert_input(blob, blob, true);
  }

  void operator()(const core::FinishUnit& write) {
    set_state(write.unit, UnitState::kDone);
    auto& row = db_.statement(
        "INSERT OR REPLACE INTO results (unit, outcome, digest, device_class, measured, worker,"
        " attempt, committed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    row.bind(1, number(write.unit));
    row.bind(2, write.result.values.dump());
    bind_digest(row, 3, write.result.digest);
    row.bind(4, write.result.device_class);
    row.bind(5, write.result.measured.dump());
    row.bind(6, write.worker);
    row.bind(7, std::to_string(write.attempt.epoch) + "." + std::to_string(write.attempt.counter));
    row.bind(8, now_ms_);
    row.exec();
    for (const ArtifactRef& artifact : write.result.artifacts) insert(write.unit, artifact);
  }

  void operator()(const core::RecordRepeat& write) {
    auto& row = db_.statement(
        "INSERT INTO repeats (unit, digest, device_class, worker, agrees, times)"
        " VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1");
    row.bind(1, number(write.unit));
    bind_digest(row, 2, write.digest);
    row.bind(3, write.device_class);
    row.bind(4, write.worker);
    row.bind(5, write.agrees ? 1 : 0);
    row.exec();
  }

  void operator()(const core::CancelUnit& write) { set_state(write.unit, UnitState::kCancelled); }

  void operator()(const core::RecordFailure& write) {
    std::string log;
    for (const std::string& line : write.failure.log_tail) log += (log.empty() ? "" : "\n") + line;
    auto& row = db_.statement(
        "UPDATE units SET state = ?, attempts = ?, lost_workers = ?, failure_class = ?,"
        " failure_reason = ?, failure_log = ? WHERE id = ?");
    row.bind(1, static_cast<int>(write.is_over ? UnitState::kFailed : UnitState::kOpen));
    row.bind(2, write.attempts);
    row.bind(3, write.lost_workers);
    row.bind(4, static_cast<int>(write.failure.failure_class));
    row.bind(5, write.failure.reason);
    row.bind(6, log);
    row.bind(7, number(write.unit));
    row.exec();
    if (write.attempt) insert(write);
  }

  void operator()(const core::ForgiveLoss& write) {
    auto& attempt = db_.statement(
        "DELETE FROM failed_attempts WHERE unit = ? AND epoch = ? AND counter = ? AND is_lost = 1");
    attempt.bind(1, number(write.unit));
    attempt.bind(2, number(write.attempt.epoch));
    attempt.bind(3, number(write.attempt.counter));
    if (attempt.exec() == 0) return;
    auto& unit =
        db_.statement("UPDATE units SET lost_workers = max(0, lost_workers - 1) WHERE id = ?");
    unit.bind(1, number(write.unit));
    unit.exec();
  }

  void operator()(const core::ExcuseAttempt& write) {
    auto& counted = db_.statement(
        "UPDATE failed_attempts SET is_excused = 1 WHERE unit = ? AND epoch = ? AND counter = ?"
        " AND is_lost = 0 AND is_excused = 0");
    counted.bind(1, number(write.unit));
    counted.bind(2, number(write.attempt.epoch));
    counted.bind(3, number(write.attempt.counter));
    if (counted.exec() > 0) {
      auto& unit = db_.statement("UPDATE units SET attempts = max(0, attempts - 1) WHERE id = ?");
      unit.bind(1, number(write.unit));
      unit.exec();
      return;
    }
    auto& row = db_.statement(
        "INSERT INTO failed_attempts (unit, epoch, counter, is_lost, worker, is_excused)"
        " VALUES (?, ?, ?, 0, ?, 1) ON CONFLICT DO NOTHING");
    row.bind(1, number(write.unit));
    row.bind(2, number(write.attempt.epoch));
    row.bind(3, number(write.attempt.counter));
    row.bind(4, write.worker);
    row.exec();
  }

  void operator()(const core::ReopenUnit& write) {
    auto& row = db_.statement(
        "UPDATE units SET state = #open, remakes = ?, lost_epoch = ?, lost_counter = ?"
        " WHERE id = ?");
    row.bind(1, write.remakes);
    row.bind(2, number(write.last.epoch));
    row.bind(3, number(write.last.counter));
    row.bind(4, number(write.unit));
    row.exec();
    auto& links = db_.statement("DELETE FROM unit_artifacts WHERE unit = ?");
    links.bind(1, number(write.unit));
    links.exec();
  }

  void operator()(const core::ResetUnit& write) {
    auto& row = db_.statement(
        "UPDATE units SET state = #open, attempts = 0, lost_workers = 0, remakes = 0,"
        " failure_class = NULL, failure_reason = NULL, failure_log = NULL WHERE id = ?");
    row.bind(1, number(write.unit));
    row.exec();
  }

  void operator()(const core::CancelExperimentRow& write) {
    auto& row = db_.statement("UPDATE experiments SET is_cancelled = 1 WHERE id = ?");
    row.bind(1, number(write.experiment));
    row.exec();
  }

  void operator()(const core::SeeWorker& write) {
    auto& row = db_.statement(
        "INSERT INTO workers (name, device_class, device, last_seen_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET device_class = excluded.device_class,"
        " device = excluded.device, last_seen_ms = excluded.last_seen_ms");
    row.bind(1, write.name);
    row.bind(2, write.device_class);
    row.bind(3, write.device.dump());
    row.bind(4, now_ms_);
    row.exec();
  }

 private:
  void insert(const core::RecordFailure& write) {
    auto& row = db_.statement(
        "INSERT INTO failed_attempts (unit, epoch, counter, is_lost, worker)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (unit, epoch, counter) DO UPDATE SET"
        " is_lost = excluded.is_lost, worker = excluded.worker");
    row.bind(1, number(write.unit));
    row.bind(2, number(write.attempt->epoch));
    row.bind(3, number(write.attempt->counter));
    row.bind(4, write.failure.failure_class == FailureClass::kLostWorker ? 1 : 0);
    row.bind(5, write.worker);
    row.exec();
  }

  void insert_experiment(const core::SubmissionPlan& plan) {
    for (const char* sql : {"DELETE FROM cell_scores WHERE experiment = ?",
                            "DELETE FROM cells WHERE experiment = ?"}) {
      auto& old = db_.statement(sql);
      old.bind(1, number(plan.experiment));
      old.exec();
    }
    auto& row = db_.statement(
        "INSERT INTO experiments (id, name, grid, axes, priority, is_cancelled, submitted_ms)"
        " VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (id) DO UPDATE SET grid = excluded.grid,"
        " axes = excluded.axes, priority = excluded.priority, is_cancelled = 0,"
        " submitted_ms = excluded.submitted_ms");
    row.bind(1, number(plan.experiment));
    row.bind(2, plan.name);
    row.bind(3, plan.grid);
    row.bind(4, Json(plan.axes).dump());
    row.bind(5, plan.priority);
    row.bind(6, now_ms_);
    row.exec();
  }

  void insert(const core::NewSample& sample) {
    auto& row = db_.statement("INSERT INTO samples (id, key, spec, cost) VALUES (?, ?, ?, ?)");
    row.bind(1, number(sample.id));
    bind_digest(row, 2, sample.key);
    row.bind(3, sample.spec);
    row.bind(4, sample.cost);
    row.exec();
  }

  void insert(const core::NewUnit& unit) {
    auto& row = db_.statement(
        "INSERT INTO units (id, name, kind, state, sample, range_begin, range_end, keep_pictures,"
        " gflops, affinity, memory_bytes) VALUES (?, ?, ?, #open, ?, ?, ?, ?, ?, ?, ?)");
    row.bind(1, number(unit.id));
    row.bind(2, unit.name);
    row.bind(3, static_cast<int>(unit.kind));
    if (unit.sample) row.bind(4, number(*unit.sample));
    row.bind(5, number(unit.range.begin));
    row.bind(6, number(unit.range.end));
    row.bind(7, number(unit.keep_pictures));
    row.bind(8, unit.gflops);
    row.bind(9, unit.affinity);
    row.bind(10, number(unit.memory_bytes));
    row.exec();
    for (const Digest& extractor : unit.extractors) {
      auto& link = db_.statement("INSERT INTO unit_extractors (unit, extractor) VALUES (?, ?)");
      link.bind(1, number(unit.id));
      bind_digest(link, 2, extractor);
      link.exec();
    }
    for (const std::string& input : unit.inputs) {
      auto& link = db_.statement("INSERT INTO unit_inputs (unit, input) VALUES (?, ?)");
      link.bind(1, number(unit.id));
      link.bind(2, input);
      link.exec();
    }
    for (const UnitId needed : unit.needs) {
      auto& link = db_.statement("INSERT INTO unit_needs (unit, needs) VALUES (?, ?)");
      link.bind(1, number(unit.id));
      link.bind(2, number(needed));
      link.exec();
    }
  }

  void insert_extractor(const Digest& key, const std::string& spec) {
    auto& row =
        db_.statement("INSERT INTO extractors (key, spec) VALUES (?, ?) ON CONFLICT DO NOTHING");
    bind_digest(row, 1, key);
    row.bind(2, spec);
    row.exec();
  }

  void insert(const core::NewScore& score) {
    auto& row =
        db_.statement("INSERT INTO scores (id, key, sample, spec, unit) VALUES (?, ?, ?, ?, ?)");
    row.bind(1, number(score.id));
    bind_digest(row, 2, score.key);
    row.bind(3, number(score.sample));
    row.bind(4, score.spec);
    row.bind(5, number(score.unit));
    row.exec();
  }

  void insert(const core::NewReference& reference) {
    auto& row = db_.statement("INSERT INTO reference_sets (key, spec, unit) VALUES (?, ?, ?)");
    bind_digest(row, 1, reference.key);
    row.bind(2, reference.spec);
    row.bind(3, number(reference.unit));
    row.exec();
  }

  void insert(core::ExperimentId experiment, const core::CellRow& cell) {
    auto& row = db_.statement(
        "INSERT INTO cells (experiment, number, sample, labels, images, keep_pictures)"
        " VALUES (?, ?, ?, ?, ?, ?)");
    row.bind(1, number(experiment));
    row.bind(2, cell.number);
    row.bind(3, number(cell.sample));
    row.bind(4, cell.labels);
    row.bind(5, number(cell.images));
    row.bind(6, number(cell.keep_pictures));
    row.exec();
    std::int64_t place = 0;
    for (const core::ScoreId score : cell.scores) {
      auto& link = db_.statement(
          "INSERT INTO cell_scores (experiment, number, score, place) VALUES (?, ?, ?, ?)");
      link.bind(4, place++);
      link.bind(1, number(experiment));
      link.bind(2, cell.number);
      link.bind(3, number(score));
      link.exec();
    }
  }

  void insert_input(const std::string& input, const std::string& name, bool is_blob) {
    auto& row = db_.statement(
        "INSERT INTO inputs (input, name, blob) VALUES (?, ?, ?) ON CONFLICT (input) DO UPDATE SET"
        " name = CASE WHEN excluded.name = excluded.input THEN name ELSE excluded.name END,"
        " blob = max(blob, excluded.blob)");
    row.bind(1, input);
    row.bind(2, name);
    row.bind(3, is_blob ? 1 : 0);
    row.exec();
  }

  void insert(UnitId unit, const ArtifactRef& artifact) {
    auto& file =
        db_.statement("INSERT INTO artifacts (digest, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING");
    bind_digest(file, 1, artifact.digest);
    file.bind(2, number(artifact.bytes));
    file.exec();
    auto& link = db_.statement("INSERT INTO unit_artifacts (unit, name, digest) VALUES (?, ?, ?)");
    link.bind(1, number(unit));
    link.bind(2, artifact.name);
    bind_digest(link, 3, artifact.digest);
    link.exec();
  }

  void set_state(UnitId unit, UnitState state) {
    auto& row = db_.statement("UPDATE units SET state = ? WHERE id = ?");
    row.bind(1, static_cast<int>(state));
    row.bind(2, number(unit));
    row.exec();
  }

  WritableDatabase& db_;
  std::int64_t now_ms_;
};

}  // namespace

void write(WritableDatabase& database, const core::Write& write, std::int64_t now_ms) {
  std::visit(Writer(database, now_ms), write);
}

}  // namespace isocost::storage

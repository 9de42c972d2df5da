#include "coordinator/storage/writes.h"

#include "coordinator/storage/plan_rows.h"

namespace isocost::storage {
namespace {

using core::UnitId;

class Writer {
 public:
  Writer(WritableDatabase& database, EventRows& events, std::int64_t now_ms)
      : db_(database), events_(events), now_ms_(now_ms) {}

  void operator()(const core::InsertSubmission& write) { insert_plan(db_, *write.plan, now_ms_); }

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
    events_.record_finished(write.unit, now_ms_);
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

  void operator()(const core::RecordEvent& write) { events_.record(write, now_ms_); }

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
  EventRows& events_;
  std::int64_t now_ms_;
};

}  // namespace

void write(WritableDatabase& database, EventRows& events, const core::Write& write,
           std::int64_t now_ms) {
  std::visit(Writer(database, events, now_ms), write);
}

}  // namespace isocost::storage

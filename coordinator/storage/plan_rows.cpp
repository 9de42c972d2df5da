#include "coordinator/storage/plan_rows.h"

namespace isocost::storage {
namespace {

using core::UnitId;

class PlanRows {
 public:
  PlanRows(WritableDatabase& database, std::int64_t now_ms) : db_(database), now_ms_(now_ms) {}

  void insert(const core::SubmissionPlan& plan) {
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

 private:
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

  WritableDatabase& db_;
  std::int64_t now_ms_;
};

}  // namespace

void insert_plan(WritableDatabase& database, const core::SubmissionPlan& plan,
                 std::int64_t now_ms) {
  PlanRows(database, now_ms).insert(plan);
}

}  // namespace isocost::storage

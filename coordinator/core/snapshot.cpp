#include "coordinator/core/snapshot.h"

namespace isocost::core {
namespace {

Json to_json(const UnitCounts& units) {
  return {{"waiting", units.waiting}, {"ready", units.ready},   {"leased", units.leased},
          {"done", units.done},       {"failed", units.failed}, {"cancelled", units.cancelled}};
}

Json to_json(const WorkerView& worker) {
  Json running = Json::array();
  for (const RunningView& view : worker.running) {
    const wire::Attempt& attempt = view.run.attempt;
    running.push_back(
        {{"unit", view.run.unit},
         {"attempt", std::to_string(attempt.epoch) + "." + std::to_string(attempt.counter)},
         {"fraction", view.run.fraction},
         {"kind", view.kind},
         {"labels", view.labels},
         {"images", {view.images.begin, view.images.end}}});
  }
  return {{"name", worker.name},
          {"host", worker.host},
          {"device_class", worker.device_class},
          {"device", worker.device},
          {"running", running},
          {"silent_seconds", worker.silent_seconds},
          {"warm", worker.warm},
          {"failures_in_a_row", worker.failures_in_a_row},
          {"last_failure", worker.last_failure},
          {"is_quarantined", worker.is_quarantined},
          {"rests_seconds", worker.rests_seconds},
          {"no_progress_seconds", worker.no_progress_seconds},
          {"stalled", worker.stalled}};
}

Json to_json(const FailedCellView& cell) {
  return {{"number", cell.number}, {"labels", cell.labels},
          {"unit", cell.unit},     {"failure_class", cell.failure_class},
          {"reason", cell.reason}, {"log_tail", cell.log_tail}};
}

Json to_json(const ExperimentView& experiment) {
  Json failed = Json::array();
  for (const FailedCellView& cell : experiment.failed) failed.push_back(to_json(cell));
  return {{"name", experiment.name},
          {"is_cancelled", experiment.is_cancelled},
          {"submitted_ms", experiment.submitted_ms},
          {"cells", experiment.cells},
          {"cells_done", experiment.cells_done},
          {"cells_failed", experiment.cells_failed},
          {"units", to_json(experiment.units)},
          {"gflops_total", experiment.gflops_total},
          {"gflops_done", experiment.gflops_done},
          {"failed", failed}};
}

}  // namespace

Json to_json(const Snapshot& snapshot) {
  Json workers = Json::array();
  for (const WorkerView& worker : snapshot.workers) workers.push_back(to_json(worker));
  Json experiments = Json::array();
  for (const ExperimentView& experiment : snapshot.experiments)
    experiments.push_back(to_json(experiment));
  Json incidents = Json::object();
  for (const log::Incident kind : log::kIncidents)
    incidents[std::string(log::incident_name(kind))] =
        snapshot.incidents[static_cast<std::size_t>(kind)];
  Json missing = Json::array();
  Json names = Json::array();
  for (const MissingInput& one : snapshot.missing_inputs) {
    missing.push_back(one.input);
    names.push_back(one.name);
  }
  return {{"database", snapshot.database},
          {"build", snapshot.build},
          {"epoch", snapshot.epoch},
          {"is_draining", snapshot.is_draining},
          {"units", to_json(snapshot.units)},
          {"gflops_per_second", snapshot.gflops_per_second},
          {"seconds_left", snapshot.seconds_left < 0 ? Json() : Json(snapshot.seconds_left)},
          {"repeats", snapshot.repeats},
          {"mismatches", snapshot.mismatches},
          {"quarantines", snapshot.quarantines},
          {"stalls", snapshot.stalls},
          {"units_made_again", snapshot.units_made_again},
          {"is_stuck", snapshot.is_stuck},
          {"missing_inputs", missing},
          {"missing_input_names", names},
          {"workers", workers},
          {"experiments", experiments},
          {"incidents", incidents},
          {"key_faults", snapshot.key_faults}};
}

}  // namespace isocost::core

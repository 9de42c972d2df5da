#include "coordinator/web/json.h"

#include <algorithm>

#include "base/json_reader.h"

namespace isocost::web {
namespace {

Json to_json(const core::UnitCounts& units) {
  return {{"waiting", units.waiting}, {"ready", units.ready},   {"leased", units.leased},
          {"done", units.done},       {"failed", units.failed}, {"cancelled", units.cancelled}};
}

Json to_json(const core::FailedCellView& cell) {
  return {{"number", cell.number}, {"labels", cell.labels},
          {"unit", cell.unit},     {"failure_class", cell.failure_class},
          {"reason", cell.reason}, {"log_tail", cell.log_tail}};
}

void fill(core::UnitCounts& units, const Json& json, const std::string& where, Failure& failure) {
  JsonReader reader(json, where);
  units.waiting = reader.get<std::uint64_t>("waiting");
  units.ready = reader.get<std::uint64_t>("ready");
  units.leased = reader.get<std::uint64_t>("leased");
  units.done = reader.get<std::uint64_t>("done");
  units.failed = reader.get<std::uint64_t>("failed");
  units.cancelled = reader.get<std::uint64_t>("cancelled");
  if (!reader.ok()) failure.add(reader.take());
}

// The members of a list that each are read by `read(json, where)`.
template <class T, class Read>
std::vector<T> list_of(JsonReader& reader, const std::string& key, Read read) {
  std::vector<T> list;
  const Json& values = reader.raw(key);
  if (!values.is_array()) {
    reader.fault(key, "this is missing or no list", "a list");
    return list;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    list.push_back(
        reader.take(read(values[i], reader.where() + "." + key + "[" + std::to_string(i) + "]")));
  return list;
}

template <class T>
Result<T> read_whole(JsonReader& reader, T value) {
  if (!reader.ok()) return fail(reader.take());
  return value;
}

Result<core::RunningView> running_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  core::RunningView view;
  view.run.unit = reader.get<std::string>("unit");
  view.run.fraction = reader.get<double>("fraction");
  view.kind = reader.get<std::string>("kind");
  view.labels = reader.get<Json>("labels");
  const auto images = reader.get<std::vector<std::uint64_t>>("images");
  if (images.size() == 2 && images[0] <= images[1])
    view.images = {images[0], images[1]};
  else
    reader.fault("images", "this is no range", "[begin, end]");
  return read_whole(reader, std::move(view));
}

Result<core::WorkerView> worker_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  core::WorkerView view;
  view.name = reader.get<std::string>("name");
  view.host = reader.get<std::string>("host");
  view.device_class = reader.get<std::string>("device_class");
  view.device = reader.get<Json>("device");
  view.running = list_of<core::RunningView>(reader, "running", running_from_json);
  view.silent_seconds = reader.get<double>("silent_seconds");
  view.warm = reader.get<std::vector<std::string>>("warm");
  view.failures_in_a_row = reader.get<std::uint64_t>("failures_in_a_row");
  view.last_failure = reader.get<std::string>("last_failure");
  view.is_quarantined = reader.get<bool>("is_quarantined");
  view.rests_seconds = reader.get<double>("rests_seconds");
  view.no_progress_seconds = reader.get<double>("no_progress_seconds");
  view.stalled = reader.get<std::string>("stalled");
  return read_whole(reader, std::move(view));
}

Result<core::GoneWorkerView> gone_worker_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  core::GoneWorkerView view;
  view.name = reader.get<std::string>("name");
  view.host = reader.get<std::string>("host");
  view.device_class = reader.get<std::string>("device_class");
  view.device = reader.get<Json>("device");
  view.is_lost = reader.get<bool>("is_lost");
  view.reason = reader.get<std::string>("reason");
  view.gone_seconds = reader.get<double>("gone_seconds");
  return read_whole(reader, std::move(view));
}

Result<log::Event> event_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  log::Event event;
  event.id = reader.get<std::int64_t>("id");
  event.at_ms = reader.get<std::int64_t>("at_ms");
  event.kind = reader.get<std::string>("kind");
  event.who = reader.get<std::string>("who");
  event.experiment = reader.get<std::string>("experiment");
  if (!reader.raw("cell").is_null()) event.cell = reader.get<std::uint64_t>("cell");
  event.labels = reader.get<std::string>("labels");
  event.what = reader.get<std::string>("what");
  return read_whole(reader, std::move(event));
}

Result<core::FailedCellView> failed_cell_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  core::FailedCellView view;
  view.number = reader.get<std::uint64_t>("number");
  view.labels = reader.get<Json>("labels");
  view.unit = reader.get<std::string>("unit");
  view.failure_class = reader.get<std::string>("failure_class");
  view.reason = reader.get<std::string>("reason");
  view.log_tail = reader.get<std::vector<std::string>>("log_tail");
  return read_whole(reader, std::move(view));
}

Result<core::ExperimentView> experiment_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  core::ExperimentView view;
  Failure failure;
  view.name = reader.get<std::string>("name");
  view.is_cancelled = reader.get<bool>("is_cancelled");
  view.submitted_ms = reader.get<std::int64_t>("submitted_ms");
  view.cells = reader.get<std::uint64_t>("cells");
  view.cells_done = reader.get<std::uint64_t>("cells_done");
  view.cells_failed = reader.get<std::uint64_t>("cells_failed");
  view.cells_cancelled = reader.get<std::uint64_t>("cells_cancelled");
  fill(view.units, reader.raw("units"), where + ".units", failure);
  view.gflops_total = reader.get<double>("gflops_total");
  view.gflops_done = reader.get<double>("gflops_done");
  view.failed = list_of<core::FailedCellView>(reader, "failed", failed_cell_from_json);
  if (!failure.is_empty()) return fail(std::move(failure));
  return read_whole(reader, std::move(view));
}

}  // namespace

Json to_json(const core::WorkerView& worker) {
  Json running = Json::array();
  for (const core::RunningView& view : worker.running) {
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

Json to_json(const core::GoneWorkerView& worker) {
  return {{"name", worker.name},
          {"host", worker.host},
          {"device", worker.device},
          {"device_class", worker.device_class},
          {"is_lost", worker.is_lost},
          {"reason", worker.reason},
          {"gone_seconds", worker.gone_seconds}};
}

Json to_json(const log::Event& event) {
  return {{"id", event.id},
          {"at_ms", event.at_ms},
          {"kind", event.kind},
          {"is_trouble", log::is_trouble(event.kind)},
          {"who", event.who},
          {"experiment", event.experiment},
          {"cell", event.cell ? Json(*event.cell) : Json()},
          {"labels", event.labels},
          {"what", event.what},
          {"about", log::about_text(event)}};
}

Json to_json(const std::vector<log::Event>& events) {
  Json list = Json::array();
  for (const log::Event& event : events) list.push_back(to_json(event));
  return {{"events", list}};
}

Json to_json(const core::ExperimentView& experiment) {
  Json failed = Json::array();
  for (const core::FailedCellView& cell : experiment.failed) failed.push_back(to_json(cell));
  return {{"name", experiment.name},
          {"is_cancelled", experiment.is_cancelled},
          {"submitted_ms", experiment.submitted_ms},
          {"cells", experiment.cells},
          {"cells_done", experiment.cells_done},
          {"cells_failed", experiment.cells_failed},
          {"cells_cancelled", experiment.cells_cancelled},
          {"units", to_json(experiment.units)},
          {"gflops_total", experiment.gflops_total},
          {"gflops_done", experiment.gflops_done},
          {"failed", failed}};
}

Json to_json(const core::Snapshot& snapshot) {
  Json workers = Json::array();
  for (const core::WorkerView& worker : snapshot.workers) workers.push_back(to_json(worker));
  Json gone = Json::array();
  for (const core::GoneWorkerView& worker : snapshot.gone_workers) gone.push_back(to_json(worker));
  Json experiments = Json::array();
  for (const core::ExperimentView& experiment : snapshot.experiments)
    experiments.push_back(to_json(experiment));
  Json incidents = Json::object();
  for (const log::Incident kind : log::kIncidents)
    incidents[std::string(log::incident_name(kind))] =
        snapshot.incidents[static_cast<std::size_t>(kind)];
  Json missing = Json::array();
  Json names = Json::array();
  for (const core::MissingInput& one : snapshot.missing_inputs) {
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
          {"gone_workers", gone},
          {"experiments", experiments},
          {"incidents", incidents},
          {"key_faults", snapshot.key_faults}};
}

Json to_json(const core::SubmissionReply& reply) {
  return {{"experiment", reply.experiment},       {"cells", reply.cells},
          {"new_units", reply.new_units},         {"taken_up_again", reply.taken_up_again},
          {"failed_units", reply.failed_units},   {"images_wanted", reply.images_wanted},
          {"images_queued", reply.images_queued}, {"images_new", reply.images_new}};
}

Json to_json(const core::CancelReply&) { return {{"cancelled", true}}; }

Json to_json(const core::RetryReply& reply) { return {{"retried_units", reply.retried_units}}; }

Result<core::SubmissionReply> submission_reply_from_json(const Json& json,
                                                         const std::string& where) {
  JsonReader reader(json, where);
  core::SubmissionReply reply;
  reply.experiment = reader.get<std::string>("experiment");
  reply.cells = reader.get<std::uint64_t>("cells");
  reply.new_units = reader.get<std::uint64_t>("new_units");
  reply.taken_up_again = reader.get<std::uint64_t>("taken_up_again");
  reply.failed_units = reader.get<std::uint64_t>("failed_units");
  reply.images_wanted = reader.get<std::uint64_t>("images_wanted");
  reply.images_queued = reader.get<std::uint64_t>("images_queued");
  reply.images_new = reader.get<std::uint64_t>("images_new");
  return read_whole(reader, std::move(reply));
}

Result<core::RetryReply> retry_reply_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  core::RetryReply reply;
  reply.retried_units = reader.get<std::uint64_t>("retried_units");
  return read_whole(reader, reply);
}

Result<std::vector<log::Event>> events_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  auto events = list_of<log::Event>(reader, "events", event_from_json);
  return read_whole(reader, std::move(events));
}

Result<core::Snapshot> snapshot_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  core::Snapshot snapshot;
  Failure failure;
  snapshot.database = reader.get<std::string>("database");
  snapshot.build = reader.get<std::string>("build");
  snapshot.epoch = reader.get<std::uint64_t>("epoch");
  snapshot.is_draining = reader.get<bool>("is_draining");
  fill(snapshot.units, reader.raw("units"), where + ".units", failure);
  snapshot.gflops_per_second = reader.get<double>("gflops_per_second");
  if (!reader.raw("seconds_left").is_null())
    snapshot.seconds_left = reader.get<double>("seconds_left");
  snapshot.repeats = reader.get<std::uint64_t>("repeats");
  snapshot.mismatches = reader.get<std::uint64_t>("mismatches");
  snapshot.quarantines = reader.get<std::uint64_t>("quarantines");
  snapshot.stalls = reader.get<std::uint64_t>("stalls");
  snapshot.units_made_again = reader.get<std::uint64_t>("units_made_again");
  snapshot.is_stuck = reader.get<bool>("is_stuck");
  const auto inputs = reader.get<std::vector<std::string>>("missing_inputs");
  const auto names = reader.get<std::vector<std::string>>("missing_input_names");
  for (std::size_t i = 0; i < std::min(inputs.size(), names.size()); ++i)
    snapshot.missing_inputs.push_back({inputs[i], names[i]});
  snapshot.workers = list_of<core::WorkerView>(reader, "workers", worker_from_json);
  snapshot.gone_workers =
      list_of<core::GoneWorkerView>(reader, "gone_workers", gone_worker_from_json);
  snapshot.experiments = list_of<core::ExperimentView>(reader, "experiments", experiment_from_json);
  const Json& incidents = reader.raw("incidents");
  for (const log::Incident kind : log::kIncidents) {
    const auto count =
        incidents.is_object() ? incidents.find(log::incident_name(kind)) : incidents.end();
    if (count != incidents.end() && count->is_number_unsigned())
      snapshot.incidents[static_cast<std::size_t>(kind)] = count->get<std::uint64_t>();
  }
  snapshot.key_faults = reader.get<std::vector<std::string>>("key_faults");
  if (!failure.is_empty()) return fail(std::move(failure));
  return read_whole(reader, std::move(snapshot));
}

}  // namespace isocost::web

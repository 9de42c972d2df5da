#include "tests/support/memory_store.h"

#include <algorithm>
#include <tuple>

namespace isocost::testing {

using core::UnitId;

struct MemoryStore::Applier {
  State& state;

  void operator()(const core::InsertSubmission& write) {
    const core::SubmissionPlan& plan = *write.plan;
    for (const auto& sample : plan.samples) state.samples[sample.key] = sample;
    for (const auto& [key, spec] : plan.extractors) state.extractors[key] = spec;
    for (const auto& unit : plan.units) {
      state.units[unit.id].unit = unit;
      state.names[unit.name] = unit.id;
    }
    for (const auto& score : plan.scores) state.scores[score.key] = score;
    for (const auto& reference : plan.references) state.references[reference.key] = reference;
    state.blobs.insert(plan.blobs.begin(), plan.blobs.end());
    for (const auto& [input, name] : plan.input_names) state.input_names[input] = name;
    state.experiments[plan.experiment] = {.name = plan.name,
                                          .priority = plan.priority,
                                          .is_cancelled = false,
                                          .order = 0,
                                          .cells = plan.cells};
  }
  void operator()(const core::FinishUnit& write) {
    UnitRow& row = state.units.at(write.unit);
    row.state = UnitState::kDone;
    row.result = write.result;
    row.worker = write.worker;
  }
  void operator()(const core::RecordRepeat& write) {
    auto& [times, agrees] = state.repeats[{write.unit, write.digest, write.worker}];
    ++times;
    agrees = write.agrees;
  }
  void operator()(const core::CancelUnit& write) {
    state.units.at(write.unit).state = UnitState::kCancelled;
  }
  void operator()(const core::RecordFailure& write) {
    UnitRow& row = state.units.at(write.unit);
    row.state = write.is_over ? UnitState::kFailed : UnitState::kOpen;
    row.attempts = write.attempts;
    row.lost_workers = write.lost_workers;
    row.failure = write.failure;
    if (!write.attempt) return;
    row.failed[*write.attempt] = {write.failure.failure_class == FailureClass::kLostWorker,
                                  write.worker, false};
  }
  void operator()(const core::ForgiveLoss& write) {
    UnitRow& row = state.units.at(write.unit);
    const auto attempt = row.failed.find(write.attempt);
    if (attempt == row.failed.end() || !attempt->second.is_lost) return;
    row.failed.erase(attempt);
    row.lost_workers = std::max(0, row.lost_workers - 1);
  }
  void operator()(const core::ExcuseAttempt& write) {
    UnitRow& row = state.units.at(write.unit);
    const auto [attempt, is_new] =
        row.failed.try_emplace(write.attempt, UnitRow::Failed{false, write.worker, true});
    if (is_new || attempt->second.is_lost || attempt->second.is_excused) return;
    attempt->second.is_excused = true;
    row.attempts = std::max(0, row.attempts - 1);
  }
  void operator()(const core::ReopenUnit& write) {
    UnitRow& row = state.units.at(write.unit);
    row.state = UnitState::kOpen;
    row.remakes = write.remakes;
    row.lost = write.last;
    if (row.result) row.result->artifacts.clear();
  }
  void operator()(const core::ResetUnit& write) {
    UnitRow& row = state.units.at(write.unit);
    row.state = UnitState::kOpen;
    row.attempts = 0;
    row.lost_workers = 0;
    row.remakes = 0;
    row.failure.reset();
  }
  void operator()(const core::CancelExperimentRow& write) {
    state.experiments.at(write.experiment).is_cancelled = true;
  }
  void operator()(const core::SeeWorker& write) {
    std::erase(state.workers, write.name);
    state.workers.insert(state.workers.begin(), write.name);
  }
  void operator()(const core::RecordEvent&) {}  // the store's own
};

// Cells of live experiments that want this unit and have all that they want.
std::vector<std::pair<core::ExperimentId, core::CellRow>> MemoryStore::done_cells(
    UnitId unit) const {
  std::vector<std::pair<core::ExperimentId, core::CellRow>> found;
  const auto sample = state_.units.at(unit).unit.sample;
  for (const auto& [id, experiment] : state_.experiments)
    for (const core::CellRow& cell : experiment.cells)
      if (!experiment.is_cancelled && sample == cell.sample && units_of(cell).contains(unit) &&
          state_of(cell, false) == CellState::kDone)
        found.emplace_back(id, cell);
  return found;
}

void MemoryStore::record(log::Event event) {
  event.id = ++state_.last_event;
  state_.events.push_back(event);
  const auto is_alike = [&](const log::Event& other) { return other.kind == event.kind; };
  if (std::ranges::count_if(state_.events, is_alike) >
      static_cast<std::ptrdiff_t>(log::kEventsKept))
    state_.events.erase(std::ranges::find_if(state_.events, is_alike));
  recorded_.push_back(std::move(event));
}

void MemoryStore::record(const core::RecordEvent& write) {
  log::Event event{.kind = write.kind, .who = write.who, .what = write.what};
  if (write.experiment) event.experiment = state_.experiments.at(*write.experiment).name;
  for (const auto& [id, experiment] : state_.experiments) {
    for (const core::CellRow& cell : experiment.cells) {
      if (!write.unit || event.cell || !units_of(cell).contains(*write.unit)) continue;
      event.experiment = experiment.name;
      event.cell = static_cast<std::uint64_t>(cell.number);
      event.labels = labels_text(Json::parse(cell.labels));
    }
  }
  record(std::move(event));
}

core::OpenState MemoryStore::open() {
  core::OpenState open{.database = "memory",
                       .epoch = ++state_.epoch,
                       .secret = kSecret,
                       .units = {},
                       .workers = state_.workers};
  committed_ = state_;
  for (const auto& [unused, row] : state_.units)
    if (row.state == UnitState::kOpen) open.units.push_back(open_unit(row));
  return open;
}

void MemoryStore::apply(const std::vector<core::Write>& writes) {
  for (const core::Write& write : writes) {
    const auto* finish = std::get_if<core::FinishUnit>(&write);
    std::set<std::pair<core::ExperimentId, std::int64_t>> before;
    if (finish != nullptr)
      for (const auto& [id, cell] : done_cells(finish->unit)) before.emplace(id, cell.number);
    std::visit(Applier{state_}, write);
    if (const auto* event = std::get_if<core::RecordEvent>(&write)) record(*event);
    if (finish == nullptr) continue;
    for (const auto& [id, cell] : done_cells(finish->unit))
      if (!before.contains({id, cell.number}))
        record(log::Event{.kind = std::string(log::event_name(log::EventKind::kFinished)),
                          .experiment = state_.experiments.at(id).name,
                          .cell = static_cast<std::uint64_t>(cell.number),
                          .labels = labels_text(Json::parse(cell.labels))});
  }
}

std::optional<core::KnownUnit> MemoryStore::find_unit(const std::string& name) {
  const auto it = state_.names.find(name);
  if (it == state_.names.end()) return std::nullopt;
  const UnitRow& row = state_.units.at(it->second);
  core::KnownUnit known{.id = row.unit.id, .state = row.state, .digest = {}};
  if (row.result) known.digest = row.result->digest;
  return known;
}

wire::Lease MemoryStore::lease_of(UnitId id) {
  const UnitRow& row = state_.units.at(id);
  wire::Lease lease;
  lease.unit = row.unit.name;
  lease.kind = row.unit.kind;
  lease.body = body_text(parts_of(row.unit));
  std::vector<const UnitRow*> needs;
  for (const UnitId needed : row.unit.needs) needs.push_back(&state_.units.at(needed));
  std::sort(needs.begin(), needs.end(), [](const UnitRow* a, const UnitRow* b) {
    return std::tie(a->unit.kind, a->unit.range, a->unit.name) <
           std::tie(b->unit.kind, b->unit.range, b->unit.name);
  });
  for (const UnitRow* other : needs) {
    auto artifacts = other->result ? other->result->artifacts : std::vector<ArtifactRef>{};
    std::sort(artifacts.begin(), artifacts.end(),
              [](const ArtifactRef& a, const ArtifactRef& b) { return a.name < b.name; });
    lease.needs.push_back(
        {other->unit.name, other->unit.kind, other->unit.range, std::move(artifacts)});
  }
  const auto unit = unit_body_from_text(lease.kind, lease.body, "");
  if (const auto* generate = unit ? std::get_if<GenerateUnit>(&*unit) : nullptr)
    if (state_.blobs.contains(generate->sample.prompts))
      lease.blobs.push_back(*Digest::parse(generate->sample.prompts));
  return lease;
}

BodyParts MemoryStore::parts_of(const core::NewUnit& unit) const {
  BodyParts parts{.kind = unit.kind,
                  .spec = {},
                  .range = unit.range,
                  .keep_pictures = unit.keep_pictures,
                  .extractors = {}};
  for (const auto& [key, sample] : state_.samples) {
    if (sample.id != unit.sample) continue;
    parts.sample = key;
    parts.spec = sample.spec;
  }
  for (const auto& [unused, score] : state_.scores)
    if (score.unit == unit.id) parts.spec = score.spec;
  for (const auto& [unused, reference] : state_.references)
    if (reference.unit == unit.id) parts.spec = reference.spec;
  for (const Digest& extractor : unit.extractors)
    parts.extractors.push_back(state_.extractors.at(extractor));
  return parts;
}

bool MemoryStore::is_waiting(const UnitRow& row) const {
  return std::any_of(row.unit.needs.begin(), row.unit.needs.end(), [&](UnitId needed) {
    return state_.units.at(needed).state != UnitState::kDone;
  });
}

core::Existing MemoryStore::existing(const Submission& submission) {
  core::Existing existing;
  existing.experiment = find_experiment(submission.name);
  existing.next = {.experiment = static_cast<std::int64_t>(state_.experiments.size()) + 1,
                   .sample = static_cast<std::int64_t>(state_.samples.size()) + 1,
                   .score = static_cast<std::int64_t>(state_.scores.size()) + 1,
                   .unit = static_cast<std::int64_t>(state_.units.size()) + 1};
  for (const auto& [key, sample] : state_.samples) existing.samples[key].id = sample.id;
  for (const auto& [id, row] : state_.units) {
    if (row.unit.kind == UnitKind::kGenerate) {
      const core::ExistingGenerate generate{
          .id = id,
          .state = row.state,
          .range = row.unit.range,
          .extractors = {row.unit.extractors.begin(), row.unit.extractors.end()},
          .keep_pictures = row.unit.keep_pictures};
      for (auto& [unused, sample] : existing.samples)
        if (sample.id == *row.unit.sample) sample.units.push_back(generate);
    }
    for (const UnitId needed : row.unit.needs)
      if (row.state == UnitState::kCancelled &&
          state_.units.at(needed).state == UnitState::kCancelled)
        existing.cancelled_needs[id].push_back(needed);
  }
  const auto unit_of = [&](UnitId id) { return core::ExistingUnit{id, state_.units.at(id).state}; };
  for (const auto& [key, score] : state_.scores)
    existing.scores[key] = {score.id, unit_of(score.unit)};
  for (const auto& [key, reference] : state_.references)
    existing.references[key] = unit_of(reference.unit);
  return existing;
}

std::optional<core::ExperimentId> MemoryStore::find_experiment(const std::string& name) {
  for (const auto& [id, row] : state_.experiments)
    if (row.name == name) return id;
  return std::nullopt;
}

std::set<UnitId> MemoryStore::units_of(const core::CellRow& cell) const {
  std::set<UnitId> found;
  for (const auto& [id, row] : state_.units)
    if (row.unit.kind == UnitKind::kGenerate && row.unit.sample == cell.sample &&
        row.unit.range.begin < cell.images)
      found.insert(id);
  for (const auto& [unused, score] : state_.scores)
    if (std::find(cell.scores.begin(), cell.scores.end(), score.id) != cell.scores.end())
      found.insert(score.unit);
  return found;
}

std::set<UnitId> MemoryStore::wanted(std::optional<core::ExperimentId> experiment) const {
  std::set<UnitId> found;
  for (const auto& [id, row] : state_.experiments) {
    if (row.is_cancelled || (experiment && id != *experiment)) continue;
    for (const core::CellRow& cell : row.cells)
      for (const UnitId unit : units_of(cell)) found.insert(unit);
  }
  const std::set<UnitId> direct = found;
  for (const UnitId id : direct)
    for (const UnitId needed : state_.units.at(id).unit.needs) found.insert(needed);
  return found;
}

std::vector<UnitId> MemoryStore::unwanted() {
  const std::set<UnitId> keep = wanted(std::nullopt);
  std::vector<UnitId> found;
  for (const auto& [id, row] : state_.units)
    if (row.state == UnitState::kOpen && !keep.contains(id)) found.push_back(id);
  return found;
}

bool MemoryStore::has_priorities() const {
  return std::any_of(state_.experiments.begin(), state_.experiments.end(), [](const auto& entry) {
    return !entry.second.is_cancelled && entry.second.priority != 0;
  });
}

int MemoryStore::priority_of(UnitId unit) const {
  if (!has_priorities()) return 0;
  std::optional<int> highest;
  for (const auto& [id, experiment] : state_.experiments)
    if (!experiment.is_cancelled && wanted(id).contains(unit))
      highest = std::max(highest.value_or(experiment.priority), experiment.priority);
  return highest.value_or(0);
}

std::map<UnitId, int> MemoryStore::priorities() {
  std::map<UnitId, int> found;
  for (const auto& [id, row] : state_.units) {
    const int priority = row.state == UnitState::kOpen ? priority_of(id) : 0;
    if (priority != 0) found.emplace(id, priority);
  }
  return found;
}

core::OpenUnit MemoryStore::open_unit(const UnitRow& row) const {
  core::OpenUnit open{.id = row.unit.id,
                      .name = row.unit.name,
                      .kind = row.unit.kind,
                      .priority = priority_of(row.unit.id),
                      .gflops = row.unit.gflops,
                      .affinity = row.unit.affinity,
                      .memory_bytes = row.unit.memory_bytes,
                      .inputs = row.unit.inputs,
                      .needs = {},
                      .attempts = row.attempts,
                      .lost_workers = row.lost_workers,
                      .failed = {},
                      .remakes = row.remakes};
  if (row.result) open.digest = row.result->digest;
  for (const auto& [attempt, failed] : row.failed)
    open.failed.push_back({attempt, failed.is_lost, failed.worker, failed.is_excused});
  for (const UnitId needed : row.unit.needs)
    if (state_.units.at(needed).state != UnitState::kDone) open.needs.push_back(needed);
  return open;
}

std::vector<core::OpenUnit> MemoryStore::units(const std::vector<UnitId>& ids) {
  std::vector<core::OpenUnit> found;
  for (const UnitId id : std::set<UnitId>(ids.begin(), ids.end()))
    found.push_back(open_unit(state_.units.at(id)));
  return found;
}

std::vector<UnitId> MemoryStore::failed(std::optional<core::ExperimentId> experiment) {
  std::vector<UnitId> found;
  for (const UnitId id : wanted(experiment))
    if (state_.units.at(id).state == UnitState::kFailed) found.push_back(id);
  return found;
}

std::vector<core::LostUnit> MemoryStore::makers(const std::vector<Digest>& artifacts) {
  std::vector<core::LostUnit> found;
  for (const auto& [id, row] : state_.units) {
    if (row.state != UnitState::kDone || !row.result) continue;
    const auto& has = row.result->artifacts;
    if (std::none_of(has.begin(), has.end(), [&](const ArtifactRef& one) {
          return std::find(artifacts.begin(), artifacts.end(), one.digest) != artifacts.end();
        }))
      continue;
    core::LostUnit lost{open_unit(row), {}};
    for (const auto& [other, other_row] : state_.units) {
      const auto& needs = other_row.unit.needs;
      const bool is_open = other_row.state == UnitState::kOpen;
      if (is_open && std::find(needs.begin(), needs.end(), id) != needs.end())
        lost.dependents.push_back(other);
    }
    found.push_back(std::move(lost));
  }
  return found;
}

bool MemoryStore::was_remade(UnitId unit, core::Attempt attempt) {
  const auto& needs = state_.units.at(unit).unit.needs;
  return std::any_of(needs.begin(), needs.end(),
                     [&](UnitId needed) { return state_.units.at(needed).lost >= attempt; });
}

std::vector<UnitId> MemoryStore::failed_by(const std::string& worker) {
  std::vector<UnitId> found = failed(std::nullopt);
  std::erase_if(found, [&](UnitId id) {
    const auto& attempts = state_.units.at(id).failed;
    return std::none_of(attempts.begin(), attempts.end(), [&](const auto& entry) {
      return entry.second.worker == worker && !entry.second.is_lost && !entry.second.is_excused;
    });
  });
  return found;
}

CellState MemoryStore::state_of(const core::CellRow& cell, bool is_cancelled) const {
  CellProgress progress({cell.images, cell.keep_pictures, is_cancelled});
  for (const UnitId id : units_of(cell)) {
    const UnitRow& row = state_.units.at(id);
    if (row.unit.kind == UnitKind::kScore) progress.add_score(row.state);
  }
  std::vector<const UnitRow*> rows;
  for (const UnitId id : units_of(cell))
    if (state_.units.at(id).unit.kind == UnitKind::kGenerate) rows.push_back(&state_.units.at(id));
  std::sort(rows.begin(), rows.end(), [](const UnitRow* a, const UnitRow* b) {
    return a->unit.range.begin < b->unit.range.begin;
  });
  for (const UnitRow* row : rows)
    progress.add_images(row->unit.range, row->unit.keep_pictures, row->state);
  return progress.state();
}

void MemoryStore::describe(core::Snapshot& snapshot) {
  snapshot.units = {.leased = snapshot.units.leased};
  for (const auto& [unused, row] : state_.units) {
    switch (row.state) {
      case UnitState::kOpen:
        ++(is_waiting(row) ? snapshot.units.waiting : snapshot.units.ready);
        break;
      case UnitState::kDone:
        ++snapshot.units.done;
        break;
      case UnitState::kFailed:
        ++snapshot.units.failed;
        break;
      case UnitState::kCancelled:
        ++snapshot.units.cancelled;
        break;
    }
  }
  snapshot.experiments.clear();
  for (const auto& [id, row] : state_.experiments) {
    core::ExperimentView view{.id = id,
                              .name = row.name,
                              .is_cancelled = row.is_cancelled,
                              .cells = row.cells.size(),
                              .units = {},
                              .failed = {}};
    for (const core::CellRow& cell : row.cells) {
      const CellState state = state_of(cell, row.is_cancelled);
      view.cells_failed += state == CellState::kFailed ? 1U : 0U;
      view.cells_done += state == CellState::kDone ? 1U : 0U;
      view.cells_cancelled += state == CellState::kCancelled ? 1U : 0U;
    }
    snapshot.experiments.push_back(std::move(view));
  }
  for (core::WorkerView& worker : snapshot.workers)
    for (core::RunningView& view : worker.running) describe(view, snapshot.experiments);
  for (core::MissingInput& missing : snapshot.missing_inputs)
    if (const auto name = state_.input_names.find(missing.input); name != state_.input_names.end())
      missing.name = name->second;
}

void MemoryStore::describe(core::RunningView& view,
                           std::vector<core::ExperimentView>& experiments) const {
  const auto name = state_.names.find(view.run.unit);
  if (name == state_.names.end()) return;
  const core::NewUnit& unit = state_.units.at(name->second).unit;
  view.images = unit.range;
  for (core::ExperimentView& experiment : experiments) {
    const auto& cells = state_.experiments.at(experiment.id).cells;
    const auto cell = std::find_if(cells.begin(), cells.end(), [&](const core::CellRow& row) {
      return unit.sample == row.sample;
    });
    if (cell == cells.end() || experiment.is_cancelled) continue;
    if (view.labels.empty()) view.labels = Json::parse(cell->labels);
    ++experiment.units.leased;
  }
}

}  // namespace isocost::testing

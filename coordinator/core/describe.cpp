// What the Core tells about itself: workers, leases, speed, time left.
#include <algorithm>
#include <chrono>
#include <set>

#include "coordinator/core/core.h"
#include "schema/units/kind.h"

namespace isocost::core {
namespace {

// A worker that did not come further for this part of its unit's limit is shown as such.
constexpr int kStallShown = 3;

}  // namespace

// Of all workers together; what they are at counts by how far they came. Nobody knows while there
// is something that none of them can run.
double Core::seconds_left() const {
  if (sessions_.empty() || is_stuck()) return -1;
  double seconds = 0;
  for (std::size_t i = 0; i < table_.class_count(); ++i) {
    const WorkClass& of = table_.work_class(ClassId{i});
    if (of.open == 0) continue;
    const auto takes = speeds_.seconds({of.kind, of.affinity, of.gflops_open, of.open});
    if (!takes) return -1;
    seconds += *takes;
  }
  for (const auto& [unused, session] : sessions_) {
    for (const auto& [name, run] : session.running) {
      const Unit* unit = table_.find(name);
      if (unit == nullptr) continue;
      const std::string& affinity = table_.work_class(unit->work_class).affinity;
      const auto takes = speeds_.seconds({unit->kind, affinity, unit->gflops});
      seconds -= std::clamp(run.fraction, 0.0, 1.0) * takes.value_or(0);
    }
  }
  return std::max(0.0, seconds) / static_cast<double>(sessions_.size());
}

void Core::describe(Snapshot& snapshot, Instant now) const {
  snapshot.database = options_.database;
  snapshot.build = options_.build;
  snapshot.epoch = options_.epoch;
  snapshot.is_draining = is_draining_;
  snapshot.is_stuck = is_stuck();
  snapshot.repeats = repeats_;
  snapshot.mismatches = mismatches_;
  snapshot.quarantines = blame_.quarantines();
  snapshot.stalls = stalls_.count();
  snapshot.units_made_again = remakes_.count();
  snapshot.units.leased = table_.leased_count();
  snapshot.units.waiting = table_.waiting_count();
  snapshot.units.ready = table_.units().size() - table_.waiting_count();
  const auto computing = std::count_if(sessions_.begin(), sessions_.end(), [](const auto& entry) {
    return !entry.second.leases.empty();
  });
  if (const auto speed = speeds_.gflops_per_second())
    snapshot.gflops_per_second = *speed * static_cast<double>(computing);
  std::set<std::string> missing;
  for (const ClassId id : table_.ready_classes())
    for (const std::string& input : table_.work_class(id).inputs)
      if (std::none_of(sessions_.begin(), sessions_.end(),
                       [&](const auto& entry) { return entry.second.inventory->contains(input); }))
        missing.insert(input);
  if (!sessions_.empty())
    for (const std::string& input : missing) snapshot.missing_inputs.push_back({input, input});
  snapshot.seconds_left = missing.empty() ? seconds_left() : -1;
  attendance_.describe_gone(snapshot, now);
  for (const auto& [name, id] : workers_) {
    WorkerView view;
    view.name = name;
    describe(view, sessions_.at(id), now);
    snapshot.workers.push_back(std::move(view));
  }
}

void Core::describe(WorkerView& view, const Session& session, Instant now) const {
  view.host = session.host;
  view.device_class = session.device_class;
  view.device = session.device;
  view.silent_seconds = std::chrono::duration<double>(now - session.last_seen).count();
  view.warm = session.warm;
  if (!session.leases.empty() && now - session.progressed > stalls_.limit_of(session) / kStallShown)
    view.no_progress_seconds = std::chrono::duration<double>(now - session.progressed).count();
  if (const Health::Record* record = health_.find(session.worker)) {
    view.failures_in_a_row = record->failures;
    view.is_quarantined = record->is_quarantined;
    view.last_failure = record->reason;
    view.rests_seconds =
        std::max(0.0, std::chrono::duration<double>(record->rests_until - now).count());
  }
  view.stalled = session.stalled.value_or("");
  for (const UnitId unit_id : session.leases) {
    const Unit& unit = table_.at(unit_id);
    const auto run = session.running.find(unit.name);
    RunningView running;
    running.run = {unit.name, std::get<Leased>(unit.state).attempt,
                   run == session.running.end() ? 0.0 : run->second.fraction};
    running.kind = units::row_of(unit.kind).name;
    view.running.push_back(std::move(running));
  }
}

}  // namespace isocost::core

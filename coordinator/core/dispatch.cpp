// Eligibility and dispatch of the Core, and what it tells about itself.
#include <algorithm>

#include "coordinator/core/core.h"
#include "schema/check.h"

namespace isocost::core {

// One unit at a time to every worker with room, round and round, so that the first to ask does not
// take what its neighbours could begin with.
void Core::dispatch(Instant now) {
  if (is_draining_) return;
  bool has_progress = true;
  while (has_progress && !table_.ready_classes().empty()) {
    has_progress = false;
    const std::set<SessionId> hungry = hungry_;
    for (const SessionId& id : hungry) has_progress |= lease_one(sessions_.at(id), now);
  }
}

bool Core::lease_one(Session& session, Instant now) {
  std::vector<ClassId> classes;
  std::vector<Candidate> candidates;
  const std::set<std::string> warm = warm_of(session);
  passed_over_.resize(table_.class_count());
  for (const ClassId id : table_.ready_classes()) {
    if (!can_run(session, id)) continue;
    const WorkClass& of = table_.work_class(id);
    const auto& [minus_priority, minus_gflops, unit] = *of.ready.begin();
    classes.push_back(id);
    candidates.push_back({.priority = -minus_priority,
                          .is_warm = warm.contains(of.affinity),
                          .has_network = of.kind == UnitKind::kGenerate,
                          .passed_over = passed_over_[static_cast<std::size_t>(id)],
                          .workers = of.leased,
                          .gflops = -minus_gflops});
  }
  const auto best = choose(candidates);
  if (!best) return false;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    std::uint32_t& passed = passed_over_[static_cast<std::size_t>(classes[i])];
    passed = i == *best ? 0 : passed + 1;
  }
  const UnitId id = std::get<UnitId>(*table_.work_class(classes[*best]).ready.begin());
  const Attempt attempt = attempts_.next(table_.at(id).name);
  table_.lease(id, session.id, attempt, now);
  session.leases.insert(id);
  if (--session.credit == 0) hungry_.erase(session.id);
  const Unit& unit = table_.at(id);
  send(SendLease{session.id, id, unit.name, unit.kind, attempt});
  return true;
}

std::set<std::string> Core::warm_of(const Session& session) const {
  std::set<std::string> warm{session.warm.begin(), session.warm.end()};
  for (const UnitId id : session.leases)
    warm.insert(table_.work_class(table_.at(id).work_class).affinity);
  return warm;
}

bool Core::can_run(Session& session, ClassId id) {
  const auto index = static_cast<std::size_t>(id);
  if (session.can_run.size() <= index) session.can_run.resize(index + 1, std::int8_t{-1});
  std::int8_t& known = session.can_run[index];
  if (known < 0) known = check_can_run(session, id) ? 1 : 0;
  return known == 1;
}

bool Core::check_can_run(const Session& session, ClassId id) const {
  const WorkClass& of = table_.work_class(id);
  if (session.memory_bytes != 0 && of.memory_bytes > session.memory_bytes) return false;
  return std::all_of(of.inputs.begin(), of.inputs.end(),
                     [&](const std::string& input) { return session.inventory->contains(input); });
}

bool Core::is_stuck() const {
  if (table_.units().empty() || table_.leased_count() > 0 || sessions_.empty()) return false;
  for (const ClassId id : table_.ready_classes())
    for (const auto& [unused, session] : sessions_)
      if (check_can_run(session, id)) return false;
  return true;
}

double Core::seconds_left() const {
  Speed all;
  for (const Speed& speed : speeds_) {
    all.gflops += speed.gflops;
    all.seconds += speed.seconds;
  }
  if (all.seconds <= 0 || all.gflops <= 0 || sessions_.empty()) return -1;
  double seconds = 0;
  for (std::size_t i = 0; i < table_.class_count(); ++i) {
    const Speed& own =
        i < speeds_.size() && speeds_[i].seconds > 0 && speeds_[i].gflops > 0 ? speeds_[i] : all;
    seconds += table_.work_class(ClassId{i}).gflops_open * own.seconds / own.gflops;
  }
  for (const auto& [unused, session] : sessions_) {
    for (const auto& [name, run] : session.running) {
      const Unit* unit = table_.find(name);
      if (unit == nullptr) continue;
      const auto index = static_cast<std::size_t>(unit->work_class);
      const Speed& own = index < speeds_.size() && speeds_[index].gflops > 0 ? speeds_[index] : all;
      seconds -= std::clamp(run.fraction, 0.0, 1.0) * unit->gflops * own.seconds / own.gflops;
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
  snapshot.units.leased = table_.leased_count();
  snapshot.units.waiting = table_.waiting_count();
  snapshot.units.ready = table_.units().size() - table_.waiting_count();
  snapshot.seconds_left = seconds_left();
  Speed all;
  for (const Speed& speed : speeds_) {
    all.gflops += speed.gflops;
    all.seconds += speed.seconds;
  }
  if (all.seconds > 0)
    snapshot.gflops_per_second = all.gflops / all.seconds * static_cast<double>(sessions_.size());
  std::set<std::string> missing;
  for (const ClassId id : table_.ready_classes())
    for (const std::string& input : table_.work_class(id).inputs)
      if (std::none_of(sessions_.begin(), sessions_.end(),
                       [&](const auto& entry) { return entry.second.inventory->contains(input); }))
        missing.insert(input);
  if (!sessions_.empty())
    for (const std::string& input : missing) snapshot.missing_inputs.push_back({input, input});
  for (const auto& [name, id] : workers_) {
    const Session& session = sessions_.at(id);
    WorkerView view{
        .name = name,
        .host = session.host,
        .device_class = session.device_class,
        .device = session.device,
        .running = {},
        .silent_seconds = std::chrono::duration<double>(now - session.last_seen).count(),
        .warm = session.warm};
    for (const UnitId unit_id : session.leases) {
      const Unit& unit = table_.at(unit_id);
      const auto run = session.running.find(unit.name);
      RunningView running;
      running.run = {unit.name, std::get<Leased>(unit.state).attempt,
                     run == session.running.end() ? 0.0 : run->second.fraction};
      running.kind = unit.name.substr(0, unit.name.find('/'));
      view.running.push_back(std::move(running));
    }
    snapshot.workers.push_back(std::move(view));
  }
}

void Core::check_invariants() const {
  table_.check_invariants();
  std::size_t held = 0;
  for (const auto& [id, session] : sessions_) {
    held += session.leases.size();
    for (const UnitId unit : session.leases) {
      const auto* leased = std::get_if<Leased>(&table_.at(unit).state);
      ISOCOST_CHECK(leased != nullptr && leased->session == id, "a session holds its own leases");
    }
    const auto name = workers_.find(session.worker);
    ISOCOST_CHECK(name != workers_.end() && name->second == id, "a name belongs to one session");
    ISOCOST_CHECK(session.credit > 0 || !hungry_.contains(id), "the hungry have credit");
  }
  ISOCOST_CHECK(held == table_.leased_count(), "every lease belongs to a session");
  ISOCOST_CHECK(workers_.size() == sessions_.size(), "every session has a name");
}

}  // namespace isocost::core

#include "coordinator/core/leases.h"

#include <algorithm>

#include "base/check.h"

namespace isocost::core {

void Leases::hold(Session& session, const Unit& unit, Attempt attempt, Instant now) {
  if (session.leases.empty()) session.began = session.progressed = now;
  table_.lease(unit.id, session.id, attempt, now);
  session.leases.insert(unit.id);
}

// Ends the lease of a unit, if it has one.
void Leases::detach(const Unit& unit, Instant now) {
  const auto* leased = std::get_if<Leased>(&unit.state);
  if (leased == nullptr) return;
  const auto session = sessions_.find(leased->session);
  ISOCOST_CHECK(session != sessions_.end(), "a lease belongs to a session");
  session->second.leases.erase(unit.id);
  session->second.began = session->second.progressed = now;
  table_.release(unit.id);
}

void Leases::end_lease(const Unit& unit, Attempt attempt, Instant now) {
  const auto* leased = std::get_if<Leased>(&unit.state);
  if (leased == nullptr || leased->attempt != attempt) return;
  detach(unit, now);
  must_dispatch_ = true;
}

// Units that the worker runs and nobody else holds are its own, whatever coordinator leased them.
void Leases::adopt(Session& session, const std::vector<wire::Running>& running, Instant now) {
  note_progress(session, running, now);
  session.running.clear();
  for (const wire::Running& run : running) {
    session.running[run.unit] = run;
    Unit* unit = table_.find(run.unit);
    if (unit == nullptr || !std::holds_alternative<Ready>(unit->state)) continue;
    if (has_failed(*unit, run.attempt))
      continue;                     // what it holds is that failure, to be told again
    if (session.stalled) continue;  // it waits behind what does not end
    if (!is_believed(session.id, run.unit, run.attempt, "it says that it holds")) continue;
    hold(session, *unit, run.attempt, now);
  }
}

// A lease that its worker never mentions was lost on the way (or its result was): the unit is free
// again after a while, and nothing counts against it.
void Leases::forget_unclaimed(Session& session, Instant now) {
  const std::set<UnitId> leases = session.leases;
  for (const UnitId id : leases) {
    const Unit& unit = table_.at(id);
    if (session.running.contains(unit.name)) continue;
    if (std::get<Leased>(unit.state).since + options_.lease > now) continue;
    session.leases.erase(id);
    table_.release(id);
    ++session.credit;  // it never heard of the lease, so it still has the room
    hungry_.insert(session.id);
    must_dispatch_ = true;
  }
}

std::vector<std::string> Leases::to_cancel(const Session& session) const {
  std::vector<std::string> names;
  for (const auto& [name, run] : session.running) {
    const Unit* unit = table_.find(name);
    if (unit == nullptr || !session.leases.contains(unit->id)) names.push_back(name);
  }
  return names;
}

void Leases::note_progress(Session& session, const std::vector<wire::Running>& running,
                           Instant now) {
  for (const wire::Running& run : running) {
    const auto known = session.running.find(run.unit);
    const double before = known == session.running.end() ? 0 : known->second.fraction;
    if (run.fraction > before) session.progressed = now;
  }
}

// What the worker was computing when it was last heard of: what it reported progress of, or else
// the oldest of its leases. What it merely had queued is innocent, also behind a unit that was
// taken from it.
std::map<UnitId, Attempt> Leases::suspects(const Session& session) const {
  std::map<UnitId, Attempt> found;
  std::optional<std::pair<UnitId, Attempt>> oldest;
  for (const UnitId id : session.leases) {
    const Unit& unit = table_.at(id);
    const Attempt attempt = std::get<Leased>(unit.state).attempt;
    const auto run = session.running.find(unit.name);
    if (run != session.running.end() && run->second.fraction > 0) found.emplace(id, attempt);
    if (!oldest || attempt < oldest->second) oldest = {id, attempt};
  }
  if (found.empty() && oldest && !occupied_by(session)) found.insert(*oldest);
  return found;
}

// What it computes though it was taken from it.
std::optional<std::string> Leases::occupied_by(const Session& session) const {
  for (const auto& [name, run] : session.running) {
    const Unit* unit = table_.find(name);
    const bool is_its_own = unit != nullptr && session.leases.contains(unit->id);
    if (!is_its_own && run.fraction > 0 && run.fraction < 1) return name;
  }
  return std::nullopt;
}

// Whether what a session tells of an attempt counts: one that it, or another worker before it, was
// given. Workers tell everything again after their greeting.
bool Leases::is_believed(const SessionId& session, const std::string& unit, Attempt attempt,
                         const char* what) {
  if (attempts_.was_given(unit, attempt)) return true;
  const auto known = sessions_.find(session);
  send(Note{log::Incident::kUnbelieved,
            known == sessions_.end() ? session.value : known->second.worker,
            std::string(what) + " " + unit + ", an attempt that nobody was given"});
  return false;
}

}  // namespace isocost::core

#include "coordinator/core/attendance.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/text.h"

namespace isocost::core {
namespace {

std::uint64_t memory_of(const Json& device) {
  const auto it = device.is_object() ? device.find("memory_bytes") : device.end();
  return it != device.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

}  // namespace

void Attendance::on(const WorkerHello& event, Instant now) {
  const wire::Hello& hello = event.hello;
  if (hello.protocol != wire::kProtocolVersion) {
    reject(event.session, wire::RejectCode::kProtocol,
           "the worker speaks protocol " + std::to_string(hello.protocol) +
               "; this coordinator speaks " + std::to_string(wire::kProtocolVersion));
    return;
  }
  if (superseded_.contains(event.session)) {
    reject(event.session, wire::RejectCode::kNameInUse,
           "another worker took the name " + hello.worker);
    return;
  }
  if (Session* known = touch(event.session, now)) {
    greet(*known);  // the same greeting again
    return;
  }
  auto inventory = inventories_.shared(hello.inventory);
  if (!inventory && !absent_.empty()) {
    absent_.clear();  // who is here comes before who may come back
    inventory = inventories_.shared(hello.inventory);
  }
  if (!inventory) {
    send(Note{log::Incident::kOversized, hello.worker, "no room for its list of inputs"});
    return reject(event.session, wire::RejectCode::kNoRoom,
                  "the workers name more inputs than this coordinator keeps");
  }
  Session& session = sessions_[event.session];
  session.id = event.session;
  session.worker = hello.worker;
  session.host = hello.host;
  session.device_class = hello.device_class;
  session.device = hello.device;
  session.inventory = std::move(inventory);
  session.memory_bytes = memory_of(hello.device);
  session.warm = hello.warm;
  session.last_seen = session.last_told = session.began = session.progressed = now;
  take_over(session, hello, now);
  workers_[session.worker] = session.id;
  write(SeeWorker{session.worker, session.device_class, session.device});
  greet(session);
}

// A worker that starts again is there before its old session is given up. The newcomer has the
// name; of what the old session held, it keeps what it still runs.
void Attendance::take_over(Session& session, const wire::Hello& hello, Instant now) {
  const bool is_of_this_database = hello.database.empty() || hello.database == options_.database;
  const auto old = workers_.find(session.worker);
  const auto absent = absent_.find(session.worker);
  const bool is_back = old != workers_.end() || absent != absent_.end();
  const Instant lost = absent == absent_.end() ? now : absent->second.since;
  if (old != workers_.end()) {
    const SessionId old_id = old->second;
    Session& before = sessions_.at(old_id);
    if (is_of_this_database) {
      for (const wire::Running& run : hello.running) {
        Unit* unit = table_.find(run.unit);
        if (unit == nullptr || !before.leases.contains(unit->id)) continue;
        before.leases.erase(unit->id);
        table_.release(unit->id);
      }
    }
    const bool is_explained = hello.is_loss_explained;
    end_session(old_id, is_explained ? Loss::kNobodysFault : Loss::kUnexplained,
                is_explained ? "its connection or its process ended from outside"
                             : "its process ended, and another took its name",
                now);
    superseded_.insert(old_id);
    superseded_order_.push_back(old_id);
    if (superseded_order_.size() > kSupersededMax) {
      superseded_.erase(superseded_order_.front());
      superseded_order_.pop_front();
    }
  }
  if (is_back)
    tell_return(session.worker, hello.is_loss_explained, now - lost);
  else
    record(log::EventKind::kAttached, session.worker, session.device_class);
  std::erase_if(gone_, [&](const Gone& gone) { return gone.view.name == session.worker; });
  absent_.erase(session.worker);
  if (hello.is_loss_explained) blame_.forgive(session.worker);
  blame_.unsuspect(session.worker);
  if (is_of_this_database) leases_.adopt(session, hello.running, now);
}

void Attendance::tell_return(const std::string& worker, bool is_explained, Duration away) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(away).count();
  std::string what = "it is back";
  if (seconds > 0) what += " after " + std::to_string(seconds) + " s";
  if (is_explained) what += "; its loss counts against no unit";
  record(log::EventKind::kReturned, worker, what);
}

void Attendance::greet(const Session& session) {
  wire::Welcome welcome;
  welcome.build = options_.build;
  welcome.database = options_.database;
  welcome.lease_ms = static_cast<std::uint64_t>(options_.lease.count());
  welcome.heartbeat_ms = static_cast<std::uint64_t>(options_.heartbeat.count());
  send(SendMessage{session.id, welcome});
}

void Attendance::reject(const SessionId& session, wire::RejectCode code, std::string text) {
  send(SendMessage{session, wire::Reject{code, std::move(text)}});
}

Session* Attendance::touch(const SessionId& id, Instant now) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return nullptr;
  Session& session = it->second;
  session.last_seen = std::max(session.last_seen, now);
  session.is_unreachable = false;
  if (session.credit > 0 && hungry_.insert(id).second) must_dispatch_ = true;
  return &session;
}

void Attendance::on(const Want& event, Instant now) {
  Session* session = touch(event.session, now);
  if (session == nullptr) {
    send(SendMessage{event.session, wire::HeartbeatReply{.is_unknown = true}});
    return;
  }
  session->credit = std::min(event.want.credit, wire::kCreditMax);
  session->warm = event.want.warm;
  if (session->credit == 0) {
    hungry_.erase(session->id);
    return;
  }
  hungry_.insert(session->id);
  must_dispatch_ = true;
}

void Attendance::on(const Heartbeat& event, Instant now) {
  if (superseded_.contains(event.session)) {
    reject(event.session, wire::RejectCode::kNameInUse, "another worker took this worker's name");
    return;
  }
  Session* session = touch(event.session, now);
  if (session == nullptr) {
    send(SendMessage{event.session, wire::HeartbeatReply{.is_unknown = true}});
    return;
  }
  session->last_told = now;
  leases_.adopt(*session, event.heartbeat.running, now);
  if (session->stalled && !session->running.contains(*session->stalled)) session->stalled.reset();
  leases_.forget_unclaimed(*session, now);
  send(SendMessage{session->id, wire::HeartbeatReply{.cancel = leases_.to_cancel(*session),
                                                     .is_draining = is_draining_}});
}

void Attendance::on(const WorkerLeft& event, Instant now) {
  const auto it = sessions_.find(event.session);
  if (it == sessions_.end()) return;
  const std::string why = event.why.empty() ? "it said goodbye" : event.why;
  record(log::EventKind::kLeft, it->second.worker, why);
  remember_gone(it->second, false, why, now);
  end_session(event.session, Loss::kNobodysFault, {}, now);
}

// The link could not reach it. It may be back in a moment, so it is given two heartbeats.
void Attendance::on(const SessionLost& event, Instant now) {
  const auto it = sessions_.find(event.session);
  if (it == sessions_.end()) return;
  const Instant given = now - options_.lease + 2 * options_.heartbeat;
  it->second.last_seen = std::min(it->second.last_seen, given);
  it->second.is_unreachable = true;
  hungry_.erase(event.session);
}

// What workers said meanwhile still waits to be read.
void Attendance::excuse_own_silence(Instant now) {
  const Duration silence = ticked_ ? now - *ticked_ : Duration(0);
  ticked_ = now;
  if (silence <= kTickMax) return;
  for (auto& [unused, session] : sessions_) {
    session.last_seen = std::min(now, session.last_seen + silence);
    session.last_told = std::min(now, session.last_told + silence);
    session.began += silence;
    session.progressed += silence;
    for (const UnitId id : session.leases) table_.postpone(id, silence);
  }
}

void Attendance::on(const Tick&, Instant now) {
  const Instant before = ticked_.value_or(now);
  excuse_own_silence(now);
  must_dispatch_ |= health_.has_rested(before, now);
  // Any message is life, but who goes on without ever telling what it holds, holds nothing.
  std::vector<SessionId> silent;
  for (const auto& [id, session] : sessions_)
    if (session.last_seen + options_.lease < now || session.last_told + 2 * options_.lease < now)
      silent.push_back(id);
  const auto lease = std::chrono::duration_cast<std::chrono::seconds>(options_.lease).count();
  for (const SessionId& id : silent)
    end_session(id, Loss::kUnexplained,
                sessions_.at(id).is_unreachable
                    ? "its connection broke and it did not come back"
                    : "nothing was heard of it for " + std::to_string(lease) + " s",
                now);
  stalls_.take_stalled_elsewhere(now);
  blame_.forget_old(now);
  // Who waited for them waits no longer.
  must_dispatch_ |= std::erase_if(absent_, [&](const auto& entry) {
                      return entry.second.since + kAbsenceMax < now;
                    }) > 0;
  const Instant settled = *started_ + kReturnMax;
  must_dispatch_ |= before < settled && settled <= now;
}

void Attendance::remember_gone(const Session& session, bool is_lost, const std::string& why,
                               Instant now) {
  gone_.push_back({{.name = session.worker,
                    .host = session.host,
                    .device_class = session.device_class,
                    .device = session.device,
                    .is_lost = is_lost,
                    .reason = one_line(why),
                    .gone_seconds = 0},
                   now});
  if (gone_.size() > kGoneMax) gone_.pop_front();
}

void Attendance::describe_gone(Snapshot& snapshot, Instant now) const {
  for (auto gone = gone_.rbegin(); gone != gone_.rend(); ++gone) {
    if (gone->since + kGoneShown < now) continue;
    snapshot.gone_workers.push_back(gone->view);
    snapshot.gone_workers.back().gone_seconds =
        std::chrono::duration<double>(now - gone->since).count();
  }
}

void Attendance::end_session(const SessionId& id, Loss loss, const std::string& why, Instant now) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return;
  if (!why.empty()) {
    const std::size_t held = it->second.leases.size();
    const std::string units = held == 1 ? "1 unit" : std::to_string(held) + " units";
    const std::string what = held == 0 ? why : why + "; it held " + units + ", free again";
    record(log::EventKind::kLost, it->second.worker, what);
    remember_gone(it->second, true, what, now);
  }
  const std::string worker = it->second.worker;
  const std::set<UnitId> leases = it->second.leases;
  const std::map<UnitId, Attempt> suspected =
      loss == Loss::kUnexplained ? leases_.suspects(it->second) : std::map<UnitId, Attempt>{};
  if (const auto name = workers_.find(worker); name != workers_.end() && name->second == id)
    workers_.erase(name);
  hungry_.erase(id);
  if (loss == Loss::kUnexplained && absent_.size() < kAbsentMax)
    absent_[worker] = {std::move(it->second), now};
  sessions_.erase(it);
  for (const UnitId unit : leases) table_.release(unit);
  const UnitFailure failure{FailureClass::kLostWorker, "the worker " + worker + " was lost", {}};
  for (const auto& [id_of_unit, attempt] : suspected)
    if (Unit* unit = table_.find(id_of_unit))
      blame_.fail_attempt(*unit, {attempt, failure, worker}, now);
  if (!suspected.empty()) blame_.suspect(worker, suspected, now);
  must_dispatch_ = true;
}

}  // namespace isocost::core

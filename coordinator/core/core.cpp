#include "coordinator/core/core.h"

#include <algorithm>

#include "base/check.h"
#include "coordinator/core/submission.h"

namespace isocost::core {
namespace {

std::uint64_t memory_of(const Json& device) {
  const auto it = device.is_object() ? device.find("memory_bytes") : device.end();
  return it != device.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

}  // namespace

Core::Core(CoreOptions options, const std::vector<OpenUnit>& open)
    : options_(std::move(options)),
      health_(options_.health),
      paces_(options_.pace),
      attempts_(options_.epoch, options_.secret) {
  for (const OpenUnit& unit : open) table_.add(unit);
}

Effects Core::handle(const Event& event, Instant now) {
  effects_ = {};
  if (!started_) started_ = now;
  std::visit([&](const auto& which) { on(which, now); }, event);
  if (must_dispatch_) dispatch(now);
  must_dispatch_ = false;
  return std::move(effects_);
}

// --- sessions -------------------------------------------------------------------------------

void Core::on(const WorkerHello& event, Instant now) {
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
void Core::take_over(Session& session, const wire::Hello& hello, Instant now) {
  const bool is_of_this_database = hello.database.empty() || hello.database == options_.database;
  const auto old = workers_.find(session.worker);
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
    end_session(old_id, hello.is_loss_explained ? Loss::kNobodysFault : Loss::kUnexplained, now);
    superseded_.insert(old_id);
    superseded_order_.push_back(old_id);
    if (superseded_order_.size() > kSupersededMax) {
      superseded_.erase(superseded_order_.front());
      superseded_order_.pop_front();
    }
  }
  absent_.erase(session.worker);
  if (hello.is_loss_explained) forgive(session.worker);
  suspicions_.erase(session.worker);
  if (is_of_this_database) adopt(session, hello.running, now);
}

// Units that the worker runs and nobody else holds are its own, whatever coordinator leased them.
void Core::adopt(Session& session, const std::vector<wire::Running>& running, Instant now) {
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

void Core::hold(Session& session, const Unit& unit, Attempt attempt, Instant now) {
  if (session.leases.empty()) session.began = session.progressed = now;
  table_.lease(unit.id, session.id, attempt, now);
  session.leases.insert(unit.id);
}

void Core::greet(const Session& session) {
  wire::Welcome welcome;
  welcome.build = options_.build;
  welcome.database = options_.database;
  welcome.lease_ms = static_cast<std::uint64_t>(options_.lease.count());
  welcome.heartbeat_ms = static_cast<std::uint64_t>(options_.heartbeat.count());
  send(SendMessage{session.id, welcome});
}

void Core::reject(const SessionId& session, wire::RejectCode code, std::string text) {
  send(SendMessage{session, wire::Reject{code, std::move(text)}});
}

Core::Session* Core::touch(const SessionId& id, Instant now) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return nullptr;
  Session& session = it->second;
  session.last_seen = std::max(session.last_seen, now);
  if (session.credit > 0 && hungry_.insert(id).second) must_dispatch_ = true;
  return &session;
}

void Core::on(const Want& event, Instant now) {
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

void Core::on(const Heartbeat& event, Instant now) {
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
  adopt(*session, event.heartbeat.running, now);
  if (session->stalled && !session->running.contains(*session->stalled)) session->stalled.reset();
  forget_unclaimed(*session, now);
  send(SendMessage{session->id, wire::HeartbeatReply{.cancel = to_cancel(*session),
                                                     .is_draining = is_draining_}});
}

// A lease that its worker never mentions was lost on the way (or its result was): the unit is free
// again after a while, and nothing counts against it.
void Core::forget_unclaimed(Session& session, Instant now) {
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

std::vector<std::string> Core::to_cancel(const Session& session) const {
  std::vector<std::string> names;
  for (const auto& [name, run] : session.running) {
    const Unit* unit = table_.find(name);
    if (unit == nullptr || !session.leases.contains(unit->id)) names.push_back(name);
  }
  return names;
}

void Core::on(const WorkerLeft& event, Instant now) {
  end_session(event.session, Loss::kNobodysFault, now);
}

// The link could not reach it. It may be back in a moment, so it is given two heartbeats.
void Core::on(const SessionLost& event, Instant now) {
  const auto it = sessions_.find(event.session);
  if (it == sessions_.end()) return;
  const Instant given = now - options_.lease + 2 * options_.heartbeat;
  it->second.last_seen = std::min(it->second.last_seen, given);
  hungry_.erase(event.session);
}

// What workers said meanwhile still waits to be read.
void Core::excuse_own_silence(Instant now) {
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

void Core::on(const Tick&, Instant now) {
  const Instant before = ticked_.value_or(now);
  excuse_own_silence(now);
  must_dispatch_ |= health_.has_rested(before, now);
  // Any message is life, but who goes on without ever telling what it holds, holds nothing.
  std::vector<SessionId> silent;
  for (const auto& [id, session] : sessions_)
    if (session.last_seen + options_.lease < now || session.last_told + 2 * options_.lease < now)
      silent.push_back(id);
  for (const SessionId& id : silent) end_session(id, Loss::kUnexplained, now);
  take_stalled_elsewhere(now);
  std::erase_if(suspicions_,
                [&](const auto& entry) { return entry.second.since + kSuspicionMax < now; });
  // Who waited for them waits no longer.
  must_dispatch_ |= std::erase_if(absent_, [&](const auto& entry) {
                      return entry.second.since + kAbsenceMax < now;
                    }) > 0;
  const Instant settled = *started_ + kReturnMax;
  must_dispatch_ |= before < settled && settled <= now;
}

void Core::on(const Drain&, Instant) { is_draining_ = true; }

void Core::end_session(const SessionId& id, Loss loss, Instant now) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return;
  const std::string worker = it->second.worker;
  const std::set<UnitId> leases = it->second.leases;
  const std::map<UnitId, Attempt> suspected =
      loss == Loss::kUnexplained ? suspects(it->second) : std::map<UnitId, Attempt>{};
  if (const auto name = workers_.find(worker); name != workers_.end() && name->second == id)
    workers_.erase(name);
  hungry_.erase(id);
  if (loss == Loss::kUnexplained && absent_.size() < kAbsentMax)
    absent_[worker] = {std::move(it->second), now};
  sessions_.erase(it);
  for (const UnitId unit : leases) table_.release(unit);
  const UnitFailure failure{FailureClass::kLostWorker, "the worker " + worker + " was lost", {}};
  for (const auto& [id_of_unit, attempt] : suspected)
    if (Unit* unit = table_.find(id_of_unit)) fail_attempt(*unit, {attempt, failure, worker}, now);
  if (!suspected.empty()) suspicions_[worker] = {now, suspected};
  must_dispatch_ = true;
}

// --- results --------------------------------------------------------------------------------

// Whether what a session tells of an attempt counts: one that it, or another worker before it, was
// given. Workers tell everything again after their greeting.
bool Core::is_believed(const SessionId& session, const std::string& unit, Attempt attempt,
                       const char* what) {
  if (attempts_.was_given(unit, attempt)) return true;
  const auto known = sessions_.find(session);
  send(Note{log::Incident::kUnbelieved,
            known == sessions_.end() ? session.value : known->second.worker,
            std::string(what) + " " + unit + ", an attempt that nobody was given"});
  return false;
}

void Core::on(const ResultArrived& event, Instant now) {
  const std::string& name = event.message.result.unit;
  if (touch(event.session, now) == nullptr)
    return send(SendMessage{event.session, wire::HeartbeatReply{.is_unknown = true}});
  if (!is_believed(event.session, name, event.message.attempt, "it tells a result of"))
    return acknowledge(event.session, name, event.message.attempt, wire::Verdict::kNotWanted);
  Unit* unit = table_.find(name);
  if (event.is_invalid) {
    send(Note{log::Incident::kUnbelieved, sessions_.at(event.session).worker,
              name + ": " + event.is_invalid->reason});
    if (unit != nullptr)
      fail_attempt(*unit, {event.message.attempt, *event.is_invalid, worker_of(event.session)},
                   now);
    acknowledge(event.session, name, event.message.attempt, wire::Verdict::kNotWanted);
  } else if (unit != nullptr) {
    accept(*unit, event, now);
  } else if (!event.known) {
    acknowledge(event.session, name, event.message.attempt, wire::Verdict::kNotWanted);
  } else if (event.known->state == UnitState::kDone && event.known->digest) {
    const bool agrees =
        compare(event.known->id, *event.known->digest, event.message.result, event.session);
    acknowledge(event.session, name, event.message.attempt,
                agrees ? wire::Verdict::kRepeated : wire::Verdict::kMismatch);
  } else {
    // Failed or cancelled, but here it is: work is never thrown away.
    write(FinishUnit{event.known->id, event.message.result, worker_of(event.session),
                     event.message.attempt});
    acknowledge(event.session, name, event.message.attempt, wire::Verdict::kAccepted);
  }
}

// Any valid result of an unfinished unit counts, whoever holds its lease now and even before what
// it needs is done here (a result from before a crash).
void Core::accept(Unit& unit, const ResultArrived& event, Instant now) {
  const std::string worker = worker_of(event.session);
  observe(unit, event, now);
  forgive(unit, event.message.attempt);  // it was not lost at all
  praise(unit, worker, now);
  detach(unit, now);
  if (unit.digest) compare(unit.id, *unit.digest, event.message.result, event.session);
  write(FinishUnit{unit.id, event.message.result, worker, event.message.attempt});
  acknowledge(event.session, unit.name, event.message.attempt, wire::Verdict::kAccepted);
  if (std::holds_alternative<Waiting>(unit.state)) table_.unblock(unit.id);
  table_.finish(unit.id);
  must_dispatch_ = true;
}

// A result of a unit that was done before. True: it agrees with the first.
bool Core::compare(UnitId unit, const Digest& before, const UnitResult& result,
                   const SessionId& session) {
  const bool agrees = before == result.digest;
  ++repeats_;
  mismatches_ += agrees ? 0U : 1U;
  write(RecordRepeat{unit, result.digest, result.device_class, worker_of(session), agrees});
  return agrees;
}

std::string Core::worker_of(const SessionId& session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? std::string() : found->second.worker;
}

void Core::observe(const Unit& unit, const ResultArrived& event, Instant now) {
  time_it(unit, event, now);
  const UnitResult& result = event.message.result;
  const auto it =
      result.measured.is_object() ? result.measured.find("seconds") : result.measured.end();
  if (it == result.measured.end() || !it->is_number()) return;
  const auto index = static_cast<std::size_t>(unit.work_class);
  if (speeds_.size() <= index) speeds_.resize(index + 1);
  speeds_[index].gflops += unit.gflops;
  constexpr double kSecondsMax = 1e9;  // a generation: what is told is not always so
  speeds_[index].seconds += std::clamp(it->get<double>(), 0.0, kSecondsMax);
}

// Ends the lease of a unit, if it has one.
void Core::detach(const Unit& unit, Instant now) {
  const auto* leased = std::get_if<Leased>(&unit.state);
  if (leased == nullptr) return;
  const auto session = sessions_.find(leased->session);
  ISOCOST_CHECK(session != sessions_.end(), "a lease belongs to a session");
  session->second.leases.erase(unit.id);
  session->second.began = session->second.progressed = now;
  table_.release(unit.id);
}

void Core::on(const FailureArrived& event, Instant now) {
  if (touch(event.session, now) == nullptr) {  // whose failure it is must be known
    send(SendMessage{event.session, wire::HeartbeatReply{.is_unknown = true}});
    return;
  }
  const wire::FailureMessage& message = event.message;
  if (!is_believed(event.session, message.unit, message.attempt, "it tells a failure of"))
    return acknowledge(event.session, message.unit, message.attempt, wire::Verdict::kNotWanted);
  acknowledge(event.session, message.unit, message.attempt, wire::Verdict::kAccepted);
  remake(event.lost, now);
  Unit* unit = table_.find(message.unit);
  if (unit == nullptr) return;
  const Failed failed{message.attempt, message.failure, worker_of(event.session)};
  if (event.is_missing)
    excuse_attempt(*unit, failed, now);
  else
    fail_attempt(*unit, failed, now);
}

void Core::acknowledge(const SessionId& session, const std::string& unit, Attempt attempt,
                       wire::Verdict verdict) {
  send(SendMessage{session, wire::Ack{.unit = unit, .attempt = attempt, .verdict = verdict}});
}

// --- commands -------------------------------------------------------------------------------

void Core::on(const Submitted& event, Instant) {
  const SubmissionPlan& plan = *event.plan;
  write(InsertSubmission{event.plan});
  for (const OpenUnit& unit : event.revived) {
    if (table_.find(unit.id) != nullptr) continue;
    table_.add(unit);
    write(ResetUnit{unit.id});
  }
  std::set<UnitId> hopeless;
  for (const NewUnit& unit : plan.units) {
    OpenUnit open{.id = unit.id,
                  .name = unit.name,
                  .kind = unit.kind,
                  .priority = plan.priority,
                  .gflops = unit.gflops,
                  .affinity = unit.affinity,
                  .memory_bytes = unit.memory_bytes,
                  .inputs = unit.inputs};
    bool is_hopeless = false;
    for (const UnitId needed : unit.needs) {
      is_hopeless |= plan.failed.contains(needed) || hopeless.contains(needed);
      if (table_.find(needed) != nullptr) open.needs.push_back(needed);
    }
    if (is_hopeless) {
      hopeless.insert(unit.id);
      write(RecordFailure{
          unit.id, true, 0, 0, {FailureClass::kBug, "it needs a unit that failed before", {}}, {}});
      continue;
    }
    table_.add(open);
  }
  must_dispatch_ = true;
  Json answer = {{"experiment", plan.name},
                 {"cells", plan.cells.size()},
                 {"new_units", plan.units.size()},
                 {"taken_up_again", event.revived.size()},
                 {"failed_units", plan.failed.size()},
                 {"images_wanted", plan.images_wanted},
                 {"images_queued", plan.images_queued},
                 {"images_new", plan.images_new}};
  if (event.request != RequestId{}) send(Answer{event.request, std::move(answer)});
}

void Core::on(const CancelExperiment& event, Instant) {
  write(CancelExperimentRow{event.experiment});
  if (event.request != RequestId{}) send(Answer{event.request, {{"cancelled", true}}});
}

void Core::on(const Unwanted& event, Instant now) {
  std::set<UnitId> all;
  for (const UnitId id : event.units) {
    if (table_.find(id) == nullptr) continue;
    const std::vector<UnitId> with = table_.with_dependents(id);
    all.insert(with.begin(), with.end());
  }
  for (const UnitId id : all) {
    detach(table_.at(id), now);
    write(CancelUnit{id});
  }
  table_.drop({all.begin(), all.end()});
  must_dispatch_ = true;
}

void Core::on(const Prioritized& event, Instant) {
  for (const auto& [id, unit] : table_.units()) {
    const auto it = event.priorities.find(id);
    table_.set_priority(id, it == event.priorities.end() ? 0 : it->second);
  }
  must_dispatch_ = true;
}

void Core::on(const Retry& event, Instant) {
  std::size_t taken = 0;
  for (const OpenUnit& unit : event.units) taken += begin_anew(unit) ? 1U : 0U;
  if (event.request != RequestId{}) send(Answer{event.request, {{"retried_units", taken}}});
}

// False: it is open already, or needs what is not.
bool Core::begin_anew(OpenUnit unit) {
  if (table_.find(unit.id) != nullptr) return false;
  for (const UnitId needed : unit.needs)
    if (table_.find(needed) == nullptr) return false;
  unit.attempts = 0;
  unit.lost_workers = 0;
  unit.remakes = 0;
  table_.add(unit);
  write(ResetUnit{unit.id});
  must_dispatch_ = true;
  return true;
}

}  // namespace isocost::core

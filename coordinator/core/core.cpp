#include "coordinator/core/core.h"

#include <algorithm>

#include "base/check.h"
#include "coordinator/core/submission.h"

namespace isocost::core {

Core::Core(const CoreOptions& options, const std::vector<OpenUnit>& open)
    : SharedOwner{{.options = options,
                   .health = Health(options.health),
                   .attempts = Attempts(options.epoch, options.secret)}},
      Part(SharedOwner::shared),
      eligibility_(shared),
      leases_(shared),
      blame_(shared, eligibility_, leases_),
      remakes_(shared, blame_),
      stalls_(shared, eligibility_, leases_, blame_),
      attendance_(shared, leases_, blame_, stalls_),
      dispatcher_(shared, eligibility_, leases_) {
  for (const OpenUnit& unit : open) table_.add(unit);
}

Effects Core::handle(const Event& event, Instant now) {
  effects_ = {};
  if (!started_) started_ = now;
  std::visit([&](const auto& which) { on(which, now); }, event);
  if (must_dispatch_) dispatcher_.dispatch(now);
  must_dispatch_ = false;
  dispatcher_.tell_leased(now);
  return std::move(effects_);
}

void Core::on(const ResultArrived& event, Instant now) {
  const std::string& name = event.message.result.unit;
  if (attendance_.touch(event.session, now) == nullptr)
    return send(SendMessage{event.session, wire::HeartbeatReply{.is_unknown = true}});
  if (!leases_.is_believed(event.session, name, event.message.attempt, "it tells a result of"))
    return acknowledge(event.session, name, event.message.attempt, wire::Verdict::kNotWanted);
  Unit* unit = table_.find(name);
  if (event.is_invalid) {
    send(Note{log::Incident::kUnbelieved, sessions_.at(event.session).worker,
              name + ": " + event.is_invalid->reason});
    if (unit != nullptr)
      blame_.fail_attempt(
          *unit, {event.message.attempt, *event.is_invalid, worker_of(event.session)}, now);
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
  blame_.forgive(unit, event.message.attempt);  // it was not lost at all
  blame_.praise(unit, worker, now);
  leases_.detach(unit, now);
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

void Core::observe(const Unit& unit, const ResultArrived& event, Instant now) {
  stalls_.time_it(unit, event, now);
  const UnitResult& result = event.message.result;
  const auto it =
      result.measured.is_object() ? result.measured.find("seconds") : result.measured.end();
  if (it == result.measured.end() || !it->is_number()) return;
  constexpr double kSecondsMax = 1e9;  // a generation: what is told is not always so
  speeds_.observe({.kind = unit.kind,
                   .affinity = table_.work_class(unit.work_class).affinity,
                   .gflops = unit.gflops},
                  std::clamp(it->get<double>(), 0.0, kSecondsMax));
}

void Core::on(const FailureArrived& event, Instant now) {
  if (attendance_.touch(event.session, now) == nullptr) {  // whose failure it is must be known
    send(SendMessage{event.session, wire::HeartbeatReply{.is_unknown = true}});
    return;
  }
  const wire::FailureMessage& message = event.message;
  if (!leases_.is_believed(event.session, message.unit, message.attempt, "it tells a failure of"))
    return acknowledge(event.session, message.unit, message.attempt, wire::Verdict::kNotWanted);
  acknowledge(event.session, message.unit, message.attempt, wire::Verdict::kAccepted);
  remakes_.remake(event.lost, now);
  Unit* unit = table_.find(message.unit);
  if (unit == nullptr) return;
  const FailedBy failed{message.attempt, message.failure, worker_of(event.session)};
  if (event.is_missing)
    blame_.excuse_attempt(*unit, failed, now);
  else
    blame_.fail_attempt(*unit, failed, now);
}

void Core::on(const ArtifactsLost& event, Instant now) { remakes_.remake(event.units, now); }

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
  record(log::EventKind::kSubmitted, plan.experiment,
         std::to_string(plan.cells.size()) + " cells; " + std::to_string(plan.images_new) +
             " images and " + std::to_string(plan.units.size()) + " units are new");
  answer(event.request, SubmissionReply{.experiment = plan.name,
                                        .cells = plan.cells.size(),
                                        .new_units = plan.units.size(),
                                        .taken_up_again = event.revived.size(),
                                        .failed_units = plan.failed.size(),
                                        .images_wanted = plan.images_wanted,
                                        .images_queued = plan.images_queued,
                                        .images_new = plan.images_new});
}

void Core::on(const CancelExperiment& event, Instant) {
  write(CancelExperimentRow{event.experiment});
  record(log::EventKind::kCancelled, event.experiment,
         "what nobody else wants is not computed; results stay");
  answer(event.request, CancelReply{});
}

void Core::on(const Unwanted& event, Instant now) {
  std::set<UnitId> all;
  for (const UnitId id : event.units) {
    if (table_.find(id) == nullptr) continue;
    const std::vector<UnitId> with = table_.with_dependents(id);
    all.insert(with.begin(), with.end());
  }
  for (const UnitId id : all) {
    leases_.detach(table_.at(id), now);
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
  std::uint64_t taken = 0;
  for (const OpenUnit& unit : event.units) taken += begin_anew(unit) ? 1U : 0U;
  if (event.request != RequestId{})
    record(log::EventKind::kRetried, event.experiment,
           std::to_string(taken) + " failed units are taken up again");
  answer(event.request, RetryReply{taken});
}

void Core::on(const Reconsidered& event, Instant) {
  for (const OpenUnit& unit : event.units) {
    OpenUnit anew = unit;
    for (FailedAttempt& attempt : anew.failed)
      if (counts(attempt) && attempt.worker == event.worker) attempt.is_excused = true;
    if (!begin_anew(anew)) continue;
    for (const FailedAttempt& attempt : unit.failed)
      if (counts(attempt) && attempt.worker == event.worker)
        write(ExcuseAttempt{unit.id, attempt.attempt, event.worker});
  }
}

void Core::on(const Drain&, Instant) { is_draining_ = true; }

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

void Core::check_invariants() const {
  table_.check_invariants();
  health_.check_invariants();
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

void Core::answer(RequestId request, Reply reply) {
  if (request != RequestId{}) send(Answer{request, std::move(reply)});
}

void Core::acknowledge(const SessionId& session, const std::string& unit, Attempt attempt,
                       wire::Verdict verdict) {
  send(SendMessage{session, wire::Ack{.unit = unit, .attempt = attempt, .verdict = verdict}});
}

}  // namespace isocost::core

#include "tests/sim/simulation.h"

#include <algorithm>

#include "coordinator/core/submission.h"
#include "coordinator/core/take_up.h"
#include "tests/support/submission_builder.h"

namespace isocost::testing {
namespace {

using namespace std::chrono_literals;
using core::UnitState;

constexpr Duration kStep = 100ms;
constexpr std::uint32_t kRoom = 2;  // units that a worker holds

Digest digest_of(const std::string& unit) { return sha256("the result of " + unit); }
Digest artifact_of(const std::string& unit) { return sha256("the rows of " + unit); }

// The unit whose artifact this is.
template <class Units>
const std::string* maker_of(const Digest& artifact, const Units& units) {
  for (const auto& [name, unused] : units)
    if (artifact_of(name) == artifact) return &name;
  return nullptr;
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, SimulationFaults faults, int workers)
    : random_(seed), faults_(faults) {
  for (int i = 0; i < workers; ++i) {
    workers_.emplace_back().name = "w" + std::to_string(i);
    restart(workers_.back());
  }
  start_coordinator();
}

bool Simulation::has_artifact(const std::string& unit) const {
  return store_.state().units.at(store_.state().names.at(unit)).unit.kind != UnitKind::kScore;
}

void Simulation::wrong(const std::string& what) {
  found_.push_back(std::to_string(now_.time_since_epoch().count()) + " ms: " + what);
}

// --- the coordinator ------------------------------------------------------------------------

void Simulation::start_coordinator() {
  const core::OpenState state = store_.open();
  core_.emplace(core::CoreOptions{.epoch = state.epoch,
                                  .database = state.database,
                                  .build = "simulated",
                                  .secret = state.secret,
                                  .workers = state.workers,
                                  .lost_workers_max = 1'000'000},
                state.units);
  core_->check_invariants();
}

void Simulation::kill_coordinator() {
  ++counts_.coordinator_deaths;
  store_.crash();
  core_.reset();
  coordinator_back_ = now_ + up_to(20s);
}

// As the loop does it: lookups, core, writes, commit, messages.
void Simulation::hand(const core::Event& event) {
  core::Effects effects = core_->handle(event, now_);
  core_->check_invariants();
  const std::set<std::string> finished = finished_;
  for (const core::Write& write : effects.writes) check_write(write);
  store_.apply(effects.writes);
  if (chance(faults_.death_before_commit)) {
    finished_ = finished;  // nothing of it was kept
    return kill_coordinator();
  }
  store_.commit();
  if (chance(faults_.death_after_commit)) {
    ++counts_.deaths_after_commit;
    return kill_coordinator();
  }
  for (const core::Message& message : effects.messages) say(message);
  for (const core::Event& next : core::follow_up(effects, store_)) {
    hand(next);
    if (!core_) return;
  }
}

void Simulation::check_write(const core::Write& write) {
  std::visit([this](const auto& which) { check(which); }, write);
}

void Simulation::check(const core::RecordFailure& write) {
  const auto row = store_.state().units.find(write.unit);
  if (row == store_.state().units.end()) return;  // of this submission: what it needs had failed
  const std::string& name = row->second.unit.name;
  const std::size_t seen = failed_[name].size() + (never_end_.contains(name) ? kRoom : 0);
  if (write.attempts > static_cast<int>(seen) &&
      write.failure.reason.find("were lost") == std::string::npos)
    wrong(name + " counts more attempts than failed");
  if (!write.attempt) return;
  const bool is_lost = write.failure.failure_class == FailureClass::kLostWorker;
  if (!is_lost && for_want_[name].contains(*write.attempt))
    wrong(name + " counts an attempt that failed for want of a damaged artifact");
  const bool is_stalled = write.failure.failure_class == FailureClass::kStalled;
  if (is_stalled && !never_end_.contains(name))
    wrong(name + " is taken from a worker that comes to an end");
  counts_.stalled += is_stalled ? 1U : 0U;
}

void Simulation::check(const core::FinishUnit& write) {
  const std::string& name = store_.state().units.at(write.unit).unit.name;
  if (!finished_.insert(name).second) wrong(name + " is finished twice");
  if (name != write.result.unit) wrong("a result lands on another unit");
}

void Simulation::check(const core::ExcuseAttempt& write) {
  const std::string& name = store_.state().units.at(write.unit).unit.name;
  ++counts_.excused;
  if (!excusable_[name].contains(write.attempt))
    wrong(name + " excuses an attempt that nothing excuses");
}

void Simulation::check(const core::ReopenUnit& write) {
  const std::string& name = store_.state().units.at(write.unit).unit.name;
  ++counts_.made_again;
  if (intact_.contains(name)) wrong(name + " is made again, and its artifact is whole");
  if (finished_.erase(name) == 0) wrong(name + " is made again, and was never made");
}

void Simulation::say(const core::Message& message) {
  if (const auto* lease = std::get_if<core::SendLease>(&message)) {
    wire::Lease full = store_.lease_of(lease->unit);
    full.attempt = lease->attempt;
    check_lease(full);
    post({false, lease->session.value, std::move(full)});
  } else if (const auto* send = std::get_if<core::SendMessage>(&message)) {
    post({false, send->session.value, send->message});
  }
}

void Simulation::to_coordinator(const std::string& session, const wire::Message& message) {
  if (!core_) return;
  const core::SessionId id{session};
  if (const auto* hello = std::get_if<wire::Hello>(&message)) hand(core::WorkerHello{id, *hello});
  if (const auto* want = std::get_if<wire::Want>(&message)) hand(core::Want{id, *want});
  if (const auto* beat = std::get_if<wire::Heartbeat>(&message)) hand(core::Heartbeat{id, *beat});
  if (const auto* failure = std::get_if<wire::FailureMessage>(&message)) fail(id, *failure);
  if (const auto* result = std::get_if<wire::ResultMessage>(&message)) {
    const std::string& unit = result->result.unit;
    if (has_artifact(unit) && !intact_.contains(unit)) {  // the link's answer
      post({false, session,
            wire::Ack{unit, result->attempt, wire::Verdict::kMissing, {artifact_of(unit)}}});
      return;
    }
    const auto known = store_.find_unit(unit);
    hand(core::ResultArrived{id, *result, known, {}});
    if (core_ && known && known->state == UnitState::kFailed) hand(core::unblocked(store_));
  }
}

// As the loop does it: what a worker missed is looked for.
void Simulation::fail(const core::SessionId& session, const wire::FailureMessage& message) {
  std::vector<Digest> missing;
  for (const Digest& artifact : message.failure.missing) {
    const std::string* maker = maker_of(artifact, store_.state().names);
    if (maker != nullptr && !intact_.contains(*maker)) missing.push_back(artifact);
  }
  hand(core::with_losses(session, message, missing, store_));
}

void Simulation::submit(const Submission& submission) {
  while (!core_) step();
  for (const std::string& input : inputs_of(submission)) inventory_.push_back(input);
  auto plan = core::plan_submission(submission, store_.existing(submission));
  if (!plan) return wrong(plan.error().message());
  const std::vector<core::UnitId> revived(plan->revived.begin(), plan->revived.end());
  hand(core::Submitted{core::RequestId{++request_},
                       std::make_shared<core::SubmissionPlan>(std::move(*plan)),
                       store_.units(revived)});
  if (core_) hand(core::Unwanted{store_.unwanted()});
  if (core_) hand(core::Prioritized{store_.priorities()});
  if (!core_) submit(submission);  // nobody answered: the user says it again
}

void Simulation::cancel(const std::string& experiment) {
  while (!core_) step();
  const auto id = store_.find_experiment(experiment);
  if (!id) return;
  hand(core::CancelExperiment{core::RequestId{++request_}, *id});
  if (core_) hand(core::Unwanted{store_.unwanted()});
  if (core_) hand(core::Prioritized{store_.priorities()});
  if (!core_) cancel(experiment);
}

void Simulation::retry_all() {
  while (!core_) step();
  hand(core::Retry{core::RequestId{++request_}, store_.units(store_.failed(std::nullopt))});
  if (!core_) retry_all();
}

// --- the network ----------------------------------------------------------------------------

void Simulation::post(Delivery delivery) {
  if (chance(faults_.loss)) {
    ++counts_.lost;
    return;
  }
  if (chance(faults_.repeat)) {
    ++counts_.repeated;
    network_.emplace(now_ + up_to(faults_.delay_max) * 5, delivery);
  }
  network_.emplace(now_ + up_to(faults_.delay_max), std::move(delivery));
}

void Simulation::deliver(const Delivery& delivery) {
  if (delivery.is_to_coordinator) {
    to_coordinator(delivery.session, delivery.message);
    return;
  }
  for (Worker& worker : workers_)
    if (worker.session == delivery.session) to_worker(worker, delivery.message);
}

// --- workers --------------------------------------------------------------------------------

// A fresh process: the spool is there, what ran is not.
void Simulation::restart(Worker& worker) {
  worker.session = "session-" + std::to_string(++session_);
  worker.is_greeted = false;
  worker.is_loss_explained = chance(500);
  worker.queue.clear();
  worker.is_stalled = false;
  worker.wanted = 0;
  worker.next_heartbeat = now_ + up_to(5s);
}

void Simulation::to_worker(Worker& worker, const wire::Message& message) {
  if (std::holds_alternative<wire::Welcome>(message)) {
    worker.is_greeted = true;
    say_want(worker);
  } else if (std::holds_alternative<wire::Reject>(message)) {
    restart(worker);
  } else if (const auto* lease = std::get_if<wire::Lease>(&message)) {
    const bool is_held =
        std::any_of(worker.queue.begin(), worker.queue.end(),
                    [&](const wire::Lease& held) { return held.unit == lease->unit; });
    // No network of ours says a thing twice this late; a worker that computed an attempt twice
    // could not tell what is acknowledged.
    if (is_held || !begun_.insert(lease->attempt).second) return;
    if (worker.queue.empty()) begin(worker, *lease);
    worker.queue.push_back(*lease);
    say_want(worker);
  } else if (const auto* ack = std::get_if<wire::Ack>(&message)) {
    check_ack(worker, *ack);
    if (ack->verdict == wire::Verdict::kMissing) return;
    std::erase_if(worker.spool, [&](const Outcome& outcome) {
      return outcome.unit == ack->unit && outcome.attempt == ack->attempt;
    });
  } else if (const auto* reply = std::get_if<wire::HeartbeatReply>(&message)) {
    if (reply->is_unknown) worker.is_greeted = false;
    for (const std::string& name : reply->cancel)
      std::erase_if(worker.queue, [&](const wire::Lease& held) {
        const bool is_stuck = worker.is_stalled && &held == &worker.queue.front();
        return held.unit == name && !is_stuck;
      });
    say_want(worker);
  }
}

void Simulation::check_lease(const wire::Lease& lease) {
  for (const NeededUnit& needed : lease.needs) {
    const auto known = store_.find_unit(needed.name);
    if (!known || known->state != UnitState::kDone)
      wrong(lease.unit + " is leased before " + needed.name + " is done");
  }
  const auto& row = store_.state().units.at(store_.state().names.at(lease.unit));
  for (const std::string& input : row.unit.inputs)
    if (std::find(inventory_.begin(), inventory_.end(), input) == inventory_.end())
      wrong(lease.unit + " is leased to a worker without " + input);
}

void Simulation::check_ack(const Worker& worker, const wire::Ack& ack) {
  if (ack.verdict == wire::Verdict::kMismatch) wrong(ack.unit + " differs from itself");
  if (ack.verdict == wire::Verdict::kNotWanted || ack.verdict == wire::Verdict::kMissing) return;
  for (const Outcome& outcome : worker.spool) {
    if (outcome.unit != ack.unit || outcome.attempt != ack.attempt || outcome.failure) continue;
    acknowledged_.insert(ack.unit);
    check_kept(ack.unit);
  }
}

// It has a result, or had one whose artifact was lost and is open again.
void Simulation::check_kept(const std::string& unit) {
  const auto known = store_.find_unit(unit);
  const bool is_made_again =
      known && known->digest && !finished_.contains(unit) && known->state == UnitState::kOpen;
  if (!is_made_again && (!known || known->state != UnitState::kDone))
    wrong(unit + " was acknowledged and is gone");
}

void Simulation::say_want(Worker& worker) {
  const auto room =
      kRoom - std::min<std::uint32_t>(kRoom, static_cast<std::uint32_t>(worker.queue.size()));
  const bool is_unheard = room > 0 && now_ >= worker.want_again_at;
  if (!worker.is_greeted || (room == worker.wanted && !is_unheard)) return;
  worker.wanted = room;
  worker.want_again_at = now_ + 15s;
  post({true, worker.session, wire::Want{.credit = room}});
}

void Simulation::beat(Worker& worker) {
  worker.next_heartbeat = now_ + 2s;
  std::vector<wire::Running> running;
  for (std::size_t i = 0; i < worker.queue.size(); ++i)
    running.push_back({worker.queue[i].unit, worker.queue[i].attempt, i == 0 ? 0.5 : 0.0});
  if (worker.is_greeted) {
    post({true, worker.session, wire::Heartbeat{running}});
    return;
  }
  worker.wanted = 0;
  wire::Hello hello;
  hello.worker = worker.name;
  hello.session = worker.session;
  hello.database = "memory";
  hello.inventory = inventory_;
  hello.running = running;
  hello.is_loss_explained = worker.is_loss_explained;
  post({true, worker.session, hello});
}

void Simulation::begin(Worker& worker, const wire::Lease& lease) {
  worker.done_at = now_ + 1s + (worker.is_sick ? Duration(0) : up_to(20s));
  if (worker.is_stalled) never_end_.insert(lease.unit);
}

std::optional<UnitFailure> Simulation::outcome_of(const Worker& worker, const wire::Lease& lease) {
  if (lease.unit.find(poison_) != std::string::npos)
    return UnitFailure{FailureClass::kBug, "poison", {}};
  if (worker.is_sick) {
    excusable_[lease.unit].insert(lease.attempt);
    ++counts_.failed_by_sick;
    const bool is_final = chance(300);
    return UnitFailure{is_final ? FailureClass::kNotFinite : FailureClass::kBug, "sick", {}};
  }
  UnitFailure failure{FailureClass::kInputOutput, "artifacts are missing", {}};
  for (const NeededUnit& needed : lease.needs)
    for (const ArtifactRef& artifact : needed.artifacts)
      if (!intact_.contains(needed.name)) failure.missing.push_back(artifact.digest);
  if (failure.missing.empty()) return std::nullopt;
  for_want_[lease.unit].insert(lease.attempt);
  excusable_[lease.unit].insert(lease.attempt);
  return failure;
}

void Simulation::finish_front(Worker& worker) {
  const wire::Lease lease = worker.queue.front();
  worker.queue.erase(worker.queue.begin());
  if (!worker.queue.empty()) begin(worker, worker.queue.front());
  auto failure = outcome_of(worker, lease);
  if (failure) failed_[lease.unit].insert(lease.attempt);
  if (!failure && worker.was_sick) ++counts_.done_by_healed;
  worker.spool.push_back({lease.unit, lease.attempt, std::move(failure), now_});
  say_want(worker);
}

void Simulation::stall(std::size_t number) {
  Worker& worker = workers_.at(number);
  worker.is_stalled = true;
  if (!worker.queue.empty()) begin(worker, worker.queue.front());
}

void Simulation::heal(std::size_t number) {
  Worker& worker = workers_.at(number);
  worker.was_sick = worker.is_sick;
  worker.is_sick = false;
}

// Anything that lies there; nobody is told.
void Simulation::damage_something() {
  if (intact_.empty()) return;
  const auto which =
      std::next(intact_.begin(), static_cast<std::ptrdiff_t>(random_() % intact_.size()));
  intact_.erase(which);
  ++counts_.damaged;
}

void Simulation::live(Worker& worker) {
  if (chance(faults_.worker_death)) {
    ++counts_.worker_deaths;
    restart(worker);
    worker.silent_until = now_ + up_to(30s);
  }
  if (chance(faults_.worker_hang)) worker.silent_until = now_ + up_to(60s);
  if (now_ < worker.silent_until) return;
  if (!worker.queue.empty() && now_ >= worker.done_at && !worker.is_stalled) finish_front(worker);
  if (now_ >= worker.next_heartbeat) beat(worker);
  for (Outcome& outcome : worker.spool) {
    if (!worker.is_greeted || now_ < outcome.next_try) continue;
    outcome.next_try = now_ + 5s;
    tell(worker, outcome);
  }
}

// The artifact goes first.
void Simulation::tell(Worker& worker, const Outcome& outcome) {
  if (outcome.failure) {
    post({true, worker.session,
          wire::FailureMessage{outcome.unit, outcome.attempt, *outcome.failure}});
    return;
  }
  wire::ResultMessage message{outcome.attempt, {}};
  message.result.unit = outcome.unit;
  message.result.digest = digest_of(outcome.unit);
  message.result.measured = {{"seconds", 3.0}};
  if (has_artifact(outcome.unit)) {
    message.result.artifacts = {{"rows/x", artifact_of(outcome.unit), 7}};
    const bool was_damaged = intact_.insert(outcome.unit).second;
    // Told once more, it mends what was damaged, and who missed it meanwhile cannot show it.
    if (was_damaged && finished_.contains(outcome.unit)) for_want_.clear();
  }
  post({true, worker.session, message});
}

// --- time -----------------------------------------------------------------------------------

void Simulation::step() {
  now_ += kStep;
  const bool is_full_second = now_.time_since_epoch() % 1s == 0s;
  if (!core_ && now_ >= coordinator_back_) start_coordinator();
  if (core_ && is_full_second) {
    if (chance(faults_.coordinator_death))
      kill_coordinator();
    else
      hand(core::Tick{});
  }
  if (is_full_second && chance(faults_.damage)) damage_something();
  while (!network_.empty() && network_.begin()->first <= now_) {
    const Delivery delivery = network_.begin()->second;
    network_.erase(network_.begin());
    deliver(delivery);
  }
  for (Worker& worker : workers_)
    if (is_full_second) live(worker);
  for (const std::string& name : acknowledged_) check_kept(name);
}

void Simulation::run(Duration time) {
  for (const Instant end = now_ + time; now_ < end && found_.empty();) step();
}

bool Simulation::run_until_finished(Duration limit) {
  for (const Instant end = now_ + limit; now_ < end && found_.empty(); step())
    if (core_ && core_->is_finished()) return true;
  return false;
}

}  // namespace isocost::testing

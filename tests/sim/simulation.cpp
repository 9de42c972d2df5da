#include "tests/sim/simulation.h"

#include <algorithm>

#include "coordinator/core/submission.h"
#include "tests/support/submission_builder.h"

namespace isocost::testing {
namespace {

using namespace std::chrono_literals;
using core::UnitState;

constexpr Duration kStep = 100ms;
constexpr std::uint32_t kRoom = 2;  // units that a worker holds

Digest digest_of(const std::string& unit) { return sha256("the result of " + unit); }

}  // namespace

Simulation::Simulation(std::uint64_t seed, SimulationFaults faults, int workers)
    : random_(seed), faults_(faults) {
  for (int i = 0; i < workers; ++i) {
    workers_.emplace_back().name = "w" + std::to_string(i);
    restart(workers_.back());
  }
  start_coordinator();
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
  for (const core::Write& write : effects.writes) check_write(write);
  store_.apply(effects.writes);
  if (chance(faults_.death_before_commit)) return kill_coordinator();
  store_.commit();
  if (chance(faults_.death_after_commit)) {
    ++counts_.deaths_after_commit;
    return kill_coordinator();
  }
  for (const core::Message& message : effects.messages) say(message);
}

void Simulation::check_write(const core::Write& write) {
  if (const auto* failure = std::get_if<core::RecordFailure>(&write)) {
    const std::string& name = store_.state().units.at(failure->unit).unit.name;
    if (failure->attempts > static_cast<int>(failed_[name].size()))
      wrong(name + " counts more attempts than failed");
  }
  const auto* finish = std::get_if<core::FinishUnit>(&write);
  if (finish == nullptr) return;
  const auto& row = store_.state().units.at(finish->unit);
  if (row.unit.state == UnitState::kDone) wrong(row.unit.name + " is finished twice");
  if (row.unit.name != finish->result.unit) wrong("a result lands on another unit");
}

void Simulation::say(const core::Message& message) {
  if (const auto* lease = std::get_if<core::SendLease>(&message)) {
    wire::Lease full = store_.lease_of(lease->unit);
    full.attempt = lease->attempt;
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
  if (const auto* failure = std::get_if<wire::FailureMessage>(&message))
    hand(core::FailureArrived{id, *failure});
  if (const auto* result = std::get_if<wire::ResultMessage>(&message))
    hand(core::ResultArrived{id, *result, store_.find_unit(result->result.unit), {}});
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
    check_lease(*lease);
    const bool is_held =
        std::any_of(worker.queue.begin(), worker.queue.end(),
                    [&](const wire::Lease& held) { return held.unit == lease->unit; });
    if (is_held) return;
    if (worker.queue.empty()) worker.done_at = now_ + 1s + up_to(20s);
    worker.queue.push_back(*lease);
    say_want(worker);
  } else if (const auto* ack = std::get_if<wire::Ack>(&message)) {
    check_ack(worker, *ack);
    std::erase_if(worker.spool, [&](const Outcome& outcome) {
      return outcome.unit == ack->unit && outcome.attempt == ack->attempt;
    });
  } else if (const auto* reply = std::get_if<wire::HeartbeatReply>(&message)) {
    if (reply->is_unknown) worker.is_greeted = false;
    for (const std::string& name : reply->cancel)
      std::erase_if(worker.queue, [&](const wire::Lease& held) { return held.unit == name; });
    say_want(worker);
  }
}

void Simulation::check_lease(const wire::Lease& lease) {
  for (const auto& [needed, unused] : lease.needs) {
    const auto known = store_.find_unit(needed);
    if (!known || known->state != UnitState::kDone)
      wrong(lease.unit + " is leased before " + needed + " is done");
  }
  const auto& row = store_.state().units.at(store_.state().names.at(lease.unit));
  for (const std::string& input : row.unit.inputs)
    if (std::find(inventory_.begin(), inventory_.end(), input) == inventory_.end())
      wrong(lease.unit + " is leased to a worker without " + input);
}

void Simulation::check_ack(const Worker& worker, const wire::Ack& ack) {
  if (ack.verdict == wire::Verdict::kMismatch) wrong(ack.unit + " differs from itself");
  if (ack.verdict == wire::Verdict::kNotWanted) return;
  for (const Outcome& outcome : worker.spool) {
    if (outcome.unit != ack.unit || outcome.is_failure) continue;
    const auto known = store_.find_unit(ack.unit);
    if (!known || known->state != UnitState::kDone)
      wrong(ack.unit + " is acknowledged and not in the store");
    acknowledged_.insert(ack.unit);
  }
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

void Simulation::finish_front(Worker& worker) {
  const wire::Lease lease = worker.queue.front();
  worker.queue.erase(worker.queue.begin());
  worker.done_at = now_ + 1s + up_to(20s);
  const bool is_failure = lease.unit.find(poison_) != std::string::npos;
  if (is_failure) failed_[lease.unit].insert(lease.attempt);
  worker.spool.push_back({lease.unit, lease.attempt, is_failure, now_});
  say_want(worker);
}

void Simulation::live(Worker& worker) {
  if (chance(faults_.worker_death)) {
    ++counts_.worker_deaths;
    restart(worker);
    worker.silent_until = now_ + up_to(30s);
  }
  if (chance(faults_.worker_hang)) worker.silent_until = now_ + up_to(60s);
  if (now_ < worker.silent_until) return;
  if (!worker.queue.empty() && now_ >= worker.done_at) finish_front(worker);
  if (now_ >= worker.next_heartbeat) beat(worker);
  for (Outcome& outcome : worker.spool) {
    if (!worker.is_greeted || now_ < outcome.next_try) continue;
    outcome.next_try = now_ + 5s;
    if (outcome.is_failure) {
      post({true, worker.session,
            wire::FailureMessage{
                outcome.unit, outcome.attempt, {FailureClass::kBug, "poison", {}}}});
      continue;
    }
    wire::ResultMessage message{outcome.attempt, {}};
    message.result.unit = outcome.unit;
    message.result.digest = digest_of(outcome.unit);
    message.result.measured = {{"seconds", 3.0}};
    post({true, worker.session, message});
  }
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
  while (!network_.empty() && network_.begin()->first <= now_) {
    const Delivery delivery = network_.begin()->second;
    network_.erase(network_.begin());
    deliver(delivery);
  }
  for (Worker& worker : workers_)
    if (is_full_second) live(worker);
  for (const std::string& name : acknowledged_) {
    const auto known = store_.find_unit(name);
    if (!known || known->state != UnitState::kDone) wrong(name + " was acknowledged and is gone");
  }
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

#include "coordinator/loop.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "base/check.h"
#include "base/io/limits.h"
#include "coordinator/artifact_look.h"
#include "coordinator/core/result_check.h"
#include "coordinator/core/take_up.h"

namespace isocost::coordinator {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::milliseconds kSnapshotEvery{500};
constexpr int kSnapshotShare = 20;  // a picture may cost one part in so many of the time
constexpr std::chrono::milliseconds kDescriptorPatience{5'000};
constexpr std::size_t kBatchMax = 1000;  // items that share one commit
constexpr std::size_t kIncidentsWaitingMax = 256;

Instant now() {
  return Instant(std::chrono::duration_cast<Duration>(steady_clock::now().time_since_epoch()));
}

}  // namespace

Loop::Loop(core::Store& store, io::ArtifactStore& artifacts, LoopOptions options)
    : store_(store), artifacts_(artifacts), options_(std::move(options)) {
  const core::OpenState state = store_.open();
  core_ = std::make_unique<core::Core>(core::CoreOptions{.epoch = state.epoch,
                                                         .database = state.database,
                                                         .build = options_.build,
                                                         .secret = state.secret,
                                                         .workers = state.workers,
                                                         .lease = options_.lease,
                                                         .heartbeat = options_.heartbeat},
                                       state.units);
  started_ = core::event_of(log::event_name(log::EventKind::kStarted), {},
                            "isocost " + options_.build + ", start " + std::to_string(state.epoch) +
                                " on this database; " + std::to_string(state.units.size()) +
                                " units are open");
  if (options_.log != nullptr)
    options_.log->listen([this](log::Incident kind, const std::string& who,
                                const std::string& what) { record(kind, who, what); });
  seen_ = now().time_since_epoch().count();
  publish();
}

Duration Loop::silence() const { return now().time_since_epoch() - Duration(seen_.load()); }

Loop::~Loop() {
  if (options_.log != nullptr) options_.log->listen({});
  refuse_all("the coordinator has stopped");
}

// From any thread. What peers do is bounded by the log already; what waits here is, too.
void Loop::record(log::Incident kind, const std::string& who, const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (incidents_waiting_ >= kIncidentsWaitingMax) return;
  ++incidents_waiting_;
  queue_.emplace_back(core::event_of(log::incident_name(kind), who, what));
  woken_.notify_one();
}

void Loop::announce() {
  const std::lock_guard lock(mutex_);
  ++incidents_waiting_;
  queue_.emplace_back(started_);
  woken_.notify_one();
}

void Loop::run() {
  try {
    while (true) {
      Batch batch = next_batch();
      {
        const std::lock_guard lock(mutex_);
        if (is_stopping_ && batch.is_empty()) break;
      }
      for (PeerQueue::Item& arrival : batch.arrivals) process(arrival);
      for (Item& item : batch.items) process(item);
      if (steady_clock::now() >= next_tick_) tick();
      finish_batch();
      seen_ = now().time_since_epoch().count();
    }
    refuse_all("the coordinator is stopping");
  } catch (const std::exception& fault) {
    refuse_all(fault.what());
    throw;
  }
}

void Loop::drain() {
  const std::lock_guard lock(mutex_);
  queue_.emplace_back(DrainRequest{});
  woken_.notify_one();
}

void Loop::stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  woken_.notify_one();
}

PeerQueue::Room Loop::room(const std::string& peer, std::size_t bytes) const {
  const std::lock_guard lock(mutex_);
  return arrivals_.room(peer, bytes);
}

void Loop::arrived(const std::string& peer, wire::Message message, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  arrivals_.push(peer, std::move(message), bytes);
  woken_.notify_one();
}

void Loop::revoked(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  arrivals_.forget(peer);
  queue_.emplace_back(Revoked{peer});
  woken_.notify_one();
}

void Loop::unreachable(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  queue_.emplace_back(Unreachable{peer});
  woken_.notify_one();
}

Loop::Batch Loop::next_batch() {
  std::unique_lock lock(mutex_);
  woken_.wait_until(lock, next_tick_,
                    [&] { return is_stopping_ || !queue_.empty() || !arrivals_.is_empty(); });
  Batch batch;
  incidents_waiting_ = 0;  // of this batch or the next
  batch.arrivals = arrivals_.take(kBatchMax);
  if (queue_.size() <= kBatchMax) {
    batch.items.swap(queue_);
  } else {
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(kBatchMax);
    std::move(queue_.begin(), end, std::back_inserter(batch.items));
    queue_.erase(queue_.begin(), end);
  }
  return batch;
}

void Loop::process(Item& item) {
  if (auto* gone = std::get_if<Unreachable>(&item)) {
    hand(core::SessionLost{{gone->peer}});
  } else if (auto* over = std::get_if<Revoked>(&item)) {
    hand(core::WorkerLeft{{over->peer}, "its key is not in the folder of allowed keys any more"});
  } else if (auto* request = std::get_if<Request>(&item)) {
    process(*request);
  } else if (auto* incident = std::get_if<core::RecordEvent>(&item)) {
    store_.apply({std::move(*incident)});
  } else {
    hand(core::Drain{});
    is_snapshot_due_ = true;
  }
}

void Loop::process(PeerQueue::Item& arrival) {
  const core::SessionId session{arrival.peer};
  if (auto* hello = std::get_if<wire::Hello>(&arrival.message)) {
    hand(core::WorkerHello{session, std::move(*hello)});
  } else if (auto* want = std::get_if<wire::Want>(&arrival.message)) {
    hand(core::Want{session, std::move(*want)});
  } else if (auto* heartbeat = std::get_if<wire::Heartbeat>(&arrival.message)) {
    hand(core::Heartbeat{session, std::move(*heartbeat)});
  } else if (auto* failure = std::get_if<wire::FailureMessage>(&arrival.message)) {
    hand(failure_of(session, std::move(*failure)));
  } else if (auto* goodbye = std::get_if<wire::Goodbye>(&arrival.message)) {
    hand(core::WorkerLeft{session, std::move(goodbye->reason)});
  } else if (auto* result = std::get_if<wire::ResultMessage>(&arrival.message)) {
    core::ResultArrived event{session, std::move(*result), {}, {}};
    event.known = store_.find_unit(event.message.result.unit);
    const bool was_failed = event.known && event.known->state == core::UnitState::kFailed;
    if (event.known) event.is_invalid = check(*event.known, event.message.result);
    hand(event);
    // It had failed and is there after all: what failed for want of it may go on.
    if (was_failed && !event.is_invalid) hand(core::unblocked(store_));
  }
  // Whatever else a peer sends is not for a coordinator: ignored.
}

std::optional<UnitFailure> Loop::check(const core::KnownUnit& known, const UnitResult& result) {
  const wire::Lease lease = store_.lease_of(known.id);
  return core::check_result(lease.kind, lease.body, result,
                            [this](const ArtifactRef& artifact, const units::ArtifactForm& form) {
                              // A flood of connections is no fault of the artifact.
                              io::await_descriptor(kDescriptorPatience);
                              return look_at_artifact(artifacts_, artifact, form);
                            });
}

// What a worker says that it missed is believed of what its unit needs, and only after a look.
core::FailureArrived Loop::failure_of(core::SessionId session, wire::FailureMessage message) {
  std::vector<Digest> missing;
  const auto known =
      message.failure.missing.empty() ? std::nullopt : store_.find_unit(message.unit);
  if (known) {
    std::set<Digest> needed;
    for (const NeededUnit& unit : store_.lease_of(known->id).needs)
      for (const ArtifactRef& artifact : unit.artifacts) needed.insert(artifact.digest);
    for (const Digest& digest : message.failure.missing)
      if (needed.erase(digest) > 0 && !artifacts_.is_whole(digest)) missing.push_back(digest);
  }
  return core::with_losses(std::move(session), std::move(message), missing, store_);
}

void Loop::hand(const core::Event& event) {
  core::Effects effects = core_->handle(event, now());
  store_.apply(effects.writes);
  std::move(effects.messages.begin(), effects.messages.end(), std::back_inserter(messages_));
  for (const core::Event& next : core::follow_up(effects, store_)) hand(next);
}

void Loop::cancel_unwanted() {
  std::vector<core::UnitId> units = store_.unwanted();
  if (!units.empty()) hand(core::Unwanted{std::move(units)});
}

void Loop::tick() {
  hand(core::Tick{});
  if (options_.log != nullptr) options_.log->tick();
  next_tick_ = steady_clock::now() + kTick;
}

void Loop::finish_batch() {
  store_.commit();
  for (const log::Event& event : store_.take_events())
    if (options_.log != nullptr) options_.log->tell(event);
  const std::vector<core::Message> messages = std::exchange(messages_, {});
  if (core_->is_finished() != was_finished_) is_snapshot_due_ = true;
  was_finished_ = core_->is_finished();
  // Who asked for something finds it in the next picture.
  if (is_snapshot_due_) publish();
  for (const core::Message& message : messages) deliver(message);
  if (steady_clock::now() >= next_snapshot_) publish();
}

void Loop::deliver(const core::Message& message) {
  if (const auto* lease = std::get_if<core::SendLease>(&message)) {
    deliver(*lease);
  } else if (const auto* answer = std::get_if<core::Answer>(&message)) {
    const auto it = waiting_.find(answer->request);
    if (it == waiting_.end()) return;
    it->second.set_value(answer->reply);
    waiting_.erase(it);
  } else if (const auto* note = std::get_if<core::Note>(&message)) {
    if (options_.log != nullptr) options_.log->tell(note->kind, note->who, note->what);
  } else {
    core::SendMessage send = std::get<core::SendMessage>(message);
    if (auto* welcome = std::get_if<wire::Welcome>(&send.message)) {
      welcome->artifact_port = outlet_.artifact_port;
      welcome->artifact_folder = outlet_.artifact_folder;
      welcome->artifact_nonce = outlet_.artifact_nonce;
    }
    outlet_.send(send.session.value, std::move(send.message));
  }
}

void Loop::deliver(const core::SendLease& lease) {
  wire::Lease message = store_.lease_of(lease.unit);
  message.attempt = lease.attempt;
  outlet_.send(lease.session.value, std::move(message));
}

void Loop::publish() {
  const auto begin = steady_clock::now();
  auto picture = std::make_shared<core::Snapshot>();
  core_->describe(*picture, now());
  store_.describe(*picture);
  if (options_.log != nullptr) picture->incidents = options_.log->counts();
  if (outlet_.key_faults) picture->key_faults = outlet_.key_faults();
  const auto end = steady_clock::now();
  next_snapshot_ =
      end + std::max<steady_clock::duration>(kSnapshotEvery, kSnapshotShare * (end - begin));
  is_snapshot_due_ = false;
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(picture);
}

// --- commands -------------------------------------------------------------------------------

void Loop::process(Request& request) {
  const core::RequestId id{++request_};
  // Before the command: who waits is told when the store fails meanwhile.
  const auto waiting = waiting_.emplace(id, std::move(request.promise)).first;
  auto handed = request.command(id);
  is_snapshot_due_ = true;
  if (handed) return;
  waiting->second.set_value(fail(std::move(handed.error())));
  waiting_.erase(waiting);
}

// Requires: the core answers the command with this reply.
template <class Reply>
Result<Reply> Loop::ask(Command command) {
  std::future<Answer> future;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) throw std::runtime_error("the coordinator is stopping");
    Request request{std::move(command), {}};
    future = request.promise.get_future();
    queue_.emplace_back(std::move(request));
    woken_.notify_one();
  }
  try {
    Answer answer = future.get();
    if (!answer) return fail(std::move(answer.error()));
    return std::get<Reply>(std::move(*answer));
  } catch (const std::future_error&) {  // it ended with a fault before it came to this request
    throw std::runtime_error("the coordinator has stopped");
  }
}

Result<core::SubmissionReply> Loop::submit(const Submission& submission, int priority) {
  for (const auto& [name, bytes] : submission.blobs) {
    if (sha256(bytes).name() != name)
      return fail("blobs", name + " does not match its bytes", sha256(bytes).name());
    artifacts_.put(bytes);  // on disk before the row that names it
  }
  return ask<core::SubmissionReply>([this, &submission,
                                     priority](core::RequestId request) -> Result<void> {
    auto plan = core::plan_submission(submission, store_.existing(submission), priority);
    if (!plan) return fail(std::move(plan.error()));
    const bool is_new = plan->is_new_experiment;
    const std::vector<core::UnitId> revived(plan->revived.begin(), plan->revived.end());
    core::Submitted event{request, std::make_shared<core::SubmissionPlan>(std::move(*plan)), {}};
    if (!revived.empty()) event.revived = store_.units(revived);
    hand(event);
    if (!is_new) cancel_unwanted();
    hand(core::Prioritized{store_.priorities()});
    return {};
  });
}

Result<core::CancelReply> Loop::cancel(const std::string& experiment) {
  return ask<core::CancelReply>([this, &experiment](core::RequestId request) -> Result<void> {
    const auto id = store_.find_experiment(experiment);
    if (!id) return fail(experiment, "no experiment of this name", "one that `status` lists");
    hand(core::CancelExperiment{request, *id});
    cancel_unwanted();
    hand(core::Prioritized{store_.priorities()});
    return {};
  });
}

Result<core::RetryReply> Loop::retry(const std::optional<std::string>& experiment) {
  for (const core::ExperimentView& view : snapshot()->experiments)
    if (experiment && view.name == *experiment && view.is_cancelled)
      return fail(view.name, "this experiment is cancelled, and nothing of it is computed",
                  "its grid, submitted again, which takes it up where it was");
  return ask<core::RetryReply>([this, &experiment](core::RequestId request) -> Result<void> {
    std::optional<core::ExperimentId> id;
    if (experiment) {
      id = store_.find_experiment(*experiment);
      if (!id) return fail(*experiment, "no experiment of this name", "one that `status` lists");
    }
    hand(core::Retry{request, store_.units(store_.failed(id)), id});
    return {};
  });
}

// Requires: nobody else takes from the queue any more.
void Loop::refuse_all(const std::string& why) {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  const auto refusal = std::make_exception_ptr(std::runtime_error(why));
  for (auto& [unused, promise] : waiting_) promise.set_exception(refusal);
  waiting_.clear();
  for (Item& item : queue_)
    if (auto* request = std::get_if<Request>(&item)) request->promise.set_exception(refusal);
  queue_.clear();
}

std::shared_ptr<const core::Snapshot> Loop::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

}  // namespace isocost::coordinator

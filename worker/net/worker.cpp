#include "worker/net/worker.h"

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <exception>
#include <system_error>

#include "schema/units/item_pictures.h"
#include "worker/net/artifact_client.h"
#include "worker/net/inbox.h"
#include "worker/net/jobs.h"
#include "worker/spool/spool.h"

namespace isocost::worker_net {
namespace {

using agent::Event;

constexpr std::chrono::milliseconds kTickMax{1000};     // deadlines are looked at so often at least
constexpr std::chrono::milliseconds kLastJobMax{3000};  // for threads to come home at the end
constexpr int kDeliverTriesSeconds = 60;

Instant now() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

// SIGTERM and SIGINT as something to poll.
class StopSignals {
 public:
  StopSignals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    descriptor_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
  }
  ~StopSignals() { ::close(descriptor_); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool take_one() const {
    signalfd_siginfo info{};
    return ::read(descriptor_, &info, sizeof info) == sizeof info;
  }

 private:
  int descriptor_ = -1;
};

bool is_finite(const Json& json) {
  if (json.is_number_float()) return std::isfinite(json.get<double>());
  if (!json.is_structured()) return true;
  return std::ranges::all_of(json, [](const Json& member) { return is_finite(member); });
}

// What the executor gives is believed only as far as the wire can carry it.
tl::expected<UnitResult, UnitFailure> checked(const std::string& unit,
                                              tl::expected<UnitResult, UnitFailure> outcome) {
  if (!outcome) return outcome;
  outcome->unit = unit;
  if (is_finite(outcome->values) && is_finite(outcome->measured)) return outcome;
  return tl::unexpected(
      UnitFailure{FailureClass::kNotFinite, "a value of the result is not finite", {}});
}

class Worker {
 public:
  Worker(WorkerOptions options, agent::Executor& executor, io::ArtifactStore& store)
      : options_(std::move(options)),
        executor_(executor),
        store_(store),
        spool_(options_.state / "spool"),
        link_(options_.peer),
        fetcher_(store, board_),
        deliverer_(store, board_) {}

  WorkerEnd run() {
    if (auto note = spool_.take_note(); note && options_.fault_before) {
      note->what = *options_.fault_before;
      spool_.keep(*note);
    }
    agent::SpoolFolder::Loaded loaded = spool_.load();
    for (const Error& error : loaded.set_aside.errors)
      options_.say("set aside: " + error.message());
    agent::Session session(options_.session, std::move(loaded.outcomes), now());
    perform(session.handle(agent::Tick{}, now()));
    while (!session.is_over()) {
      const auto left =
          std::clamp(session.next_deadline() - now(), Duration(0), Duration(kTickMax));
      link_.wait(left, {inbox_.descriptor(), signals_.descriptor()});
      for (const Event& event : arrived()) perform(session.handle(event, now()));
      perform(session.handle(agent::Tick{progress_.fraction}, now()));
    }
    return come_home();
  }

 private:
  std::vector<Event> arrived() {
    std::vector<Event> events = link_.events();
    std::ranges::move(inbox_.take(), std::back_inserter(events));
    while (signals_.take_one()) events.push_back(agent::StopRequested{});
    return events;
  }

  void perform(const agent::Effects& effects) {
    for (const agent::Effect& effect : effects)
      std::visit([this](const auto& e) { perform(e); }, effect);
  }
  void perform(const agent::Connect&) { link_.connect(); }
  void perform(const agent::Disconnect&) { link_.disconnect(); }
  void perform(const agent::Send& effect) { link_.send(effect.message); }
  void perform(const agent::UseArtifacts& effect) { board_.post(link_.peer(), effect.welcome); }
  void perform(const agent::Say& effect) { options_.say(effect.text); }
  void perform(const agent::CancelUnit&) { progress_.is_cancelled = true; }
  void perform(const agent::Exit& effect) {
    end_.reason = effect.reason;
    end_.text = effect.text;
  }
  void perform(const agent::Compute& effect) {
    progress_.fraction = 0;
    progress_.is_cancelled = false;
    computing_.post([this, effect] { compute(effect); });
  }
  void perform(const agent::Spool& effect) {
    carrying_.post([this, outcome = effect.outcome] {
      if (keep(outcome)) inbox_.post(agent::Spooled{outcome.unit});
    });
  }
  void perform(const agent::Forget& effect) {
    carrying_.post([this, outcome = effect.outcome] {
      try {
        spool_.forget(outcome);
      } catch (const std::system_error& error) {
        // It stays, and is told once more after the next start.
        inbox_.post(agent::Waiting{std::string("an outcome stays in the spool: ") + error.what()});
      }
    });
  }
  void perform(const agent::Deliver& effect) {
    carrying_.post([this, effect] { deliver(effect); });
  }

  // On the computing thread.
  void compute(const agent::Compute& job) {
    tl::expected<UnitResult, UnitFailure> outcome = tl::unexpected(UnitFailure{});
    bool has_no_room = false;
    spool_.note({job.database, job.unit.name, job.attempt, UnitFailure{}});
    try {
      outcome = checked(job.unit.name, fetch_and_execute(job));
    } catch (const std::system_error& error) {
      has_no_room = io::is_no_room(error.code());
      outcome = tl::unexpected(UnitFailure{FailureClass::kInputOutput, error.what(), {}});
    } catch (const std::bad_alloc&) {
      outcome =
          tl::unexpected(UnitFailure{FailureClass::kOutOfMemory, "no memory left on the host", {}});
    } catch (const std::exception& error) {
      outcome = tl::unexpected(UnitFailure{FailureClass::kBug, error.what(), {}});
    }
    spool_.forget_note();
    if (!outcome && (has_no_room || store_.had_no_room())) {
      inbox_.post(agent::OutOfRoom{no_room(outcome.error().reason)});
      return;
    }
    inbox_.post(agent::Finished{job.unit.name, std::move(outcome), executor_.warm()});
  }

  tl::expected<UnitResult, UnitFailure> fetch_and_execute(const agent::Compute& job) {
    std::vector<Digest> wanted = job.blobs;
    for (const NeededUnit& needed : job.unit.needs)
      for (const ArtifactRef& artifact : needed.artifacts)
        if (!is_for_people(artifact.name)) wanted.push_back(artifact.digest);
    const auto missing = fetcher_.fetch(wanted, [this] { return !progress_.is_cancelled; });
    if (!missing)
      return tl::unexpected(UnitFailure{FailureClass::kInputOutput, missing.error().message(), {}});
    if (!missing->empty()) return tl::unexpected(lack_of(*missing));
    auto outcome = executor_.execute(job.unit, progress_);
    if (outcome || progress_.is_cancelled) return outcome;
    // What was damaged meanwhile is nobody's fault.
    std::erase_if(wanted, [this](const Digest& digest) { return store_.is_whole(digest); });
    return wanted.empty() ? outcome : tl::unexpected(lack_of(wanted));
  }

  static UnitFailure lack_of(const std::vector<Digest>& missing) {
    UnitFailure failure{FailureClass::kInputOutput,
                        "an artifact is missing or damaged: " + missing.front().name(),
                        {}};
    if (missing.size() > 1)
      failure.reason += " and " + std::to_string(missing.size() - 1) + " more";
    failure.missing = missing;
    return failure;
  }

  // On the courier's thread.
  void deliver(const agent::Deliver& job) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::seconds(kDeliverTriesSeconds);
    try {
      const auto delivered = deliverer_.deliver(
          job.artifacts, [&] { return !is_leaving_ && std::chrono::steady_clock::now() < until; });
      if (delivered)
        inbox_.post(agent::Delivered{job.unit});
      else
        inbox_.post(agent::DeliveryFailed{job.unit, delivered.error().message(),
                                          !std::ranges::all_of(job.artifacts, [&](const auto& one) {
                                            return store_.is_whole(one);
                                          })});
    } catch (const std::exception& error) {
      inbox_.post(agent::DeliveryFailed{job.unit, error.what(), false});
    }
  }

  // A full disk must not cost a result: it is tried until there is room, the worker is told to
  // leave, or its patience is over.
  bool keep(const agent::Outcome& outcome) {
    const auto until = std::chrono::steady_clock::now() + options_.session.give_up;
    for (bool is_told = false;; is_told = true) {
      try {
        spool_.keep(outcome);
        return true;
      } catch (const std::system_error& error) {
        if (std::chrono::steady_clock::now() >= until) {
          inbox_.post(agent::OutOfRoom{no_room(error.what())});
          return false;
        }
        if (is_leaving_) return false;
        if (!is_told) inbox_.post(agent::Waiting{no_room(error.what()) + "; trying again"});
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
      }
    }
  }

  static std::string no_room(const std::string& what) {
    return "what was computed cannot be kept: " + what;
  }

  WorkerEnd come_home() {
    is_leaving_ = true;
    progress_.is_cancelled = true;
    computing_.stop();
    carrying_.stop();
    link_.leave();
    end_.is_idle = computing_.is_done_within(kLastJobMax) && carrying_.is_done_within(kLastJobMax);
    return end_;
  }

  StopSignals signals_;  // first: the threads below inherit the blocked signals
  WorkerOptions options_;
  agent::Executor& executor_;
  io::ArtifactStore& store_;
  agent::SpoolFolder spool_;
  Link link_;
  ArtifactBoard board_;
  ArtifactClient fetcher_;    // the computing thread's
  ArtifactClient deliverer_;  // the courier's
  agent::Progress progress_;
  std::atomic<bool> is_leaving_{false};
  EventInbox inbox_;
  WorkerEnd end_;
  JobThread computing_;
  JobThread carrying_;
};

}  // namespace

WorkerEnd run_worker(WorkerOptions options, agent::Executor& executor, io::ArtifactStore& store) {
  wire::Hello& greeting = options.session.greeting;
  greeting.device_class = executor.device_class();
  greeting.device = executor.device();
  greeting.inventory = executor.inventory();
  greeting.warm = executor.warm();
  // On the heap: when a unit cannot be stopped the process ends with its threads still in it.
  auto worker = std::make_unique<Worker>(std::move(options), executor, store);
  const WorkerEnd end = worker->run();
  if (!end.is_idle) [[maybe_unused]]
    const Worker* abandoned = worker.release();
  return end;
}

}  // namespace isocost::worker_net

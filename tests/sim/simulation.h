// A coordinator and its workers in virtual time, from one seed: the real core over a store in
// memory; messages that are lost, late, repeated and out of order; workers that die, hang and come
// back; coordinators that die between commit and send.
//
//   Simulation simulation(seed, faults);
//   simulation.submit(submission);
//   simulation.run(std::chrono::minutes(5));      // phase 1: safety
//   simulation.calm();                            // phase 2: no more faults
//   EXPECT_TRUE(simulation.run_until_finished(std::chrono::minutes(30)));
//
// Some workers can be sick (they fail whatever they get) or never come to an end while they speak;
// artifacts can be damaged.
//
// It keeps a model of its own, from what workers see alone, and compares: what was acknowledged is
// in the store for ever, or made again after its artifacts were lost indeed; a unit is leased only
// after what it needs was committed, and only to a worker with its inputs; no unit is finished
// twice; no attempt counts that no worker saw fail, none counts twice, and none counts that failed
// for want of a damaged artifact; no attempt is excused that nothing excuses, none is taken from a
// worker that comes to an end; a score is made of whole artifacts alone. What it finds wrong is in
// faults(). Thread: one.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "coordinator/core/core.h"
#include "tests/support/memory_store.h"

namespace isocost::testing {

// Chances in a thousand.
struct SimulationFaults {
  unsigned loss = 50;                // of a message
  unsigned repeat = 50;              // of a message
  unsigned worker_death = 3;         // a worker and second
  unsigned worker_hang = 3;          // likewise: silent for up to a minute, then goes on
  unsigned coordinator_death = 10;   // a second
  unsigned death_after_commit = 5;   // an event: committed, nothing said
  unsigned death_before_commit = 5;  // an event: nothing committed, nothing said
  unsigned damage = 0;               // of one artifact, a second
  Duration delay_max{3000};
};

struct SimulationCounts {
  std::size_t worker_deaths = 0;
  std::size_t coordinator_deaths = 0;
  std::size_t deaths_after_commit = 0;
  std::size_t lost = 0;
  std::size_t repeated = 0;
  std::size_t damaged = 0;         // artifacts
  std::size_t made_again = 0;      // units
  std::size_t excused = 0;         // attempts
  std::size_t failed_by_sick = 0;  // units that sick workers failed
  std::size_t done_by_healed = 0;  // results of workers that were sick once
  std::size_t stalled = 0;         // attempts that were taken elsewhere
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, SimulationFaults faults, int workers);

  // Units whose name contains this text fail, every time.
  void poison(std::string text) { poison_ = std::move(text); }
  // The worker fails every unit, at once.
  void sicken(std::size_t worker) { workers_.at(worker).is_sick = true; }
  void heal(std::size_t worker);
  // What the worker computes from now on never ends, though it speaks; its death ends that.
  void stall(std::size_t worker);
  void submit(const Submission& submission);
  void cancel(const std::string& experiment);
  void retry_all();
  void run(Duration time);
  void calm() { faults_ = {0, 0, 0, 0, 0, 0, 0, 0, Duration(100)}; }
  [[nodiscard]] bool run_until_finished(Duration limit);

  [[nodiscard]] const std::vector<std::string>& faults() const { return found_; }
  [[nodiscard]] const SimulationCounts& counts() const { return counts_; }
  [[nodiscard]] const MemoryStore& store() const { return store_; }
  [[nodiscard]] Instant now() const { return now_; }

 private:
  struct Outcome {  // spooled: survives the worker's death
    std::string unit;
    core::Attempt attempt;
    std::optional<UnitFailure> failure{};
    Instant next_try;
  };
  struct Worker {
    std::string name;
    std::string session;
    bool is_greeted = false;
    bool is_loss_explained = false;  // of the process before this one
    bool is_sick = false;
    bool was_sick = false;
    bool is_stalled = false;
    Instant silent_until;
    Instant next_heartbeat;
    Instant done_at;  // of the unit in front
    std::vector<wire::Lease> queue;
    std::vector<Outcome> spool;
    std::uint32_t wanted = 0;
    Instant want_again_at{};
  };
  struct Delivery {
    bool is_to_coordinator = false;
    std::string session;
    wire::Message message;
  };

  [[nodiscard]] bool chance(unsigned per_mille) { return random_() % 1000 < per_mille; }
  [[nodiscard]] Duration up_to(Duration limit) {
    return Duration(
        static_cast<std::int64_t>(random_() % (static_cast<std::uint64_t>(limit.count()) + 1)));
  }
  void step();
  void post(Delivery delivery);
  void deliver(const Delivery& delivery);
  void to_coordinator(const std::string& session, const wire::Message& message);
  void hand(const core::Event& event);
  void fail(const core::SessionId& session, const wire::FailureMessage& message);
  void check_write(const core::Write& write);
  void check(const core::RecordFailure& write);
  void check(const core::FinishUnit& write);
  void check(const core::ExcuseAttempt& write);
  void check(const core::ReopenUnit& write);
  template <class Other>
  void check(const Other&) {}
  void say(const core::Message& message);
  void kill_coordinator();
  void start_coordinator();
  void restart(Worker& worker);
  void live(Worker& worker);
  void begin(Worker& worker, const wire::Lease& lease);
  void finish_front(Worker& worker);
  [[nodiscard]] std::optional<UnitFailure> outcome_of(const Worker& worker,
                                                      const wire::Lease& lease);
  void tell(Worker& worker, const Outcome& outcome);
  void damage_something();
  void beat(Worker& worker);
  void say_want(Worker& worker);
  void to_worker(Worker& worker, const wire::Message& message);
  void check_lease(const wire::Lease& lease);
  void check_kept(const std::string& unit);
  void check_ack(const Worker& worker, const wire::Ack& ack);
  [[nodiscard]] bool has_artifact(const std::string& unit) const;
  void wrong(const std::string& what);

  std::mt19937_64 random_;
  SimulationFaults faults_;
  MemoryStore store_;
  std::optional<core::Core> core_;
  Instant now_{Duration(1'000'000)};
  Instant coordinator_back_{};
  std::vector<Worker> workers_;
  std::multimap<Instant, Delivery> network_;
  std::vector<std::string> inventory_;
  std::string poison_ = "nothing is poisoned";
  std::uint64_t session_ = 0;
  std::uint64_t request_ = 0;
  std::vector<std::string> found_;
  SimulationCounts counts_;
  std::set<std::string> acknowledged_;  // results, as workers saw it
  using Attempts = std::map<std::string, std::set<core::Attempt>>;
  Attempts failed_;     // likewise, of each unit
  Attempts for_want_;   // of these: since an artifact was damaged, and still is unless made again
  Attempts excusable_;  // of these: for that, or by a sick worker
  std::set<std::string> never_end_;  // units that a stalled worker began
  std::set<std::string> finished_;   // units that have a result, as it was written
  std::set<core::Attempt> begun_;    // by any worker
  std::set<std::string> intact_;     // units whose artifact is in the store, whole
};

}  // namespace isocost::testing

// A study in which units fail, for the tests of whose fault that is.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/coordinator/core/core_harness.h"

namespace isocost::core {

// One model, one cell: eight generate units and a score over them.
class FailuresTest : public ::testing::Test {
 protected:
  FailuresTest()
      : submission(
            submission_of({.models = 1, .steps = {4}, .images = 512, .has_reference = false})) {
    coordinator.submit(submission);
    inputs = inputs_of(submission);
  }

  void attach(const std::string& worker) { coordinator.hello("s-" + worker, worker, inputs); }
  std::vector<SendLease> want(const std::string& worker, std::uint32_t credit = 1) {
    return coordinator.want("s-" + worker, credit);
  }
  std::vector<Message> fail(const std::string& worker, const SendLease& lease,
                            FailureClass why = FailureClass::kBug) {
    return coordinator.fail("s-" + worker, lease, why);
  }
  std::vector<Message> finish(const std::string& worker, const SendLease& lease) {
    return coordinator.result("s-" + worker, lease);
  }
  const testing::MemoryStore::UnitRow& row(const SendLease& lease) const {
    return coordinator.store.state().units.at(lease.unit);
  }
  WorkerView view(const std::string& worker) {
    Snapshot snapshot;
    coordinator.core->describe(snapshot, coordinator.now);
    for (const WorkerView& each : snapshot.workers)
      if (each.name == worker) return each;
    return {};
  }
  [[nodiscard]] std::string last_note() const {
    return coordinator.notes.empty() ? "" : coordinator.notes.back().what;
  }
  // Both speak all the time; nobody is lost.
  void pass(Duration time, const std::vector<std::string>& workers) {
    for (const Instant end = coordinator.now + time; coordinator.now < end;) {
      coordinator.pass(std::min<Duration>(2s, end - coordinator.now));
      for (const std::string& worker : workers) beat(worker);
    }
  }
  void beat(const std::string& worker, const std::vector<wire::Running>& running = {}) {
    coordinator.hand(Heartbeat{{"s-" + worker}, {running}});
  }

  Coordinator coordinator;
  Submission submission;
  std::vector<std::string> inputs;
};

}  // namespace isocost::core

// A core over a store in memory, as the loop drives it, for the tests of coordinator/core.
//
//   Coordinator coordinator;
//   coordinator.hello("s", "w", inputs);
//   const auto lease = coordinator.want("s", 1).at(0);
//   coordinator.result("s", lease);
//
// Thread: one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/core.h"
#include "coordinator/core/submission.h"
#include "coordinator/core/take_up.h"
#include "tests/support/memory_store.h"
#include "tests/support/submission_builder.h"

namespace isocost::core {

using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers)
using testing::inputs_of;
using testing::MemoryStore;
using testing::submission_of;

// With a hand on the clock.
class Coordinator {
 public:
  Coordinator() { start(); }

  void start() {
    const OpenState state = store.open();
    core.emplace(CoreOptions{.epoch = state.epoch,
                             .database = state.database,
                             .build = "test",
                             .secret = state.secret,
                             .workers = state.workers},
                 state.units);
  }

  std::vector<Message> hand(const Event& event) {
    Effects effects = core->handle(event, now);
    core->check_invariants();
    store.apply(effects.writes);
    store.commit();
    for (const Write& write : effects.writes)
      if (const auto* told = std::get_if<RecordEvent>(&write)) events.push_back(*told);
    for (const Message& message : effects.messages)
      if (const auto* note = std::get_if<Note>(&message)) notes.push_back(*note);
    for (const Event& next : follow_up(effects, store))
      for (Message& more : hand(next)) effects.messages.push_back(std::move(more));
    return std::move(effects.messages);
  }

  // Time in which the loop ticks as it always does, and nobody speaks.
  void pass(Duration time) {
    for (const Instant end = now + time; now < end;) {
      now += std::min<Duration>(500ms, end - now);
      hand(Tick{});
    }
  }

  std::vector<Message> submit(const Submission& submission) {
    auto plan = plan_submission(submission, store.existing(submission));
    return hand(Submitted{RequestId{1}, std::make_shared<SubmissionPlan>(std::move(*plan)), {}});
  }

  std::vector<Message> hello(const std::string& session, const std::string& worker,
                             std::vector<std::string> inventory,
                             std::vector<wire::Running> running = {},
                             bool is_loss_explained = false) {
    wire::Hello hello;
    hello.worker = worker;
    hello.inventory = std::move(inventory);
    hello.running = std::move(running);
    hello.is_loss_explained = is_loss_explained;
    return hand(WorkerHello{{session}, hello});
  }

  // The leases that a worker gets for so much credit.
  std::vector<SendLease> want(const std::string& session, std::uint32_t credit,
                              std::vector<std::string> warm = {}) {
    return leases(hand(Want{{session}, {.credit = credit, .warm = std::move(warm)}}));
  }

  static std::vector<SendLease> leases(const std::vector<Message>& messages) {
    std::vector<SendLease> found;
    for (const Message& message : messages)
      if (const auto* lease = std::get_if<SendLease>(&message)) found.push_back(*lease);
    return found;
  }

  template <class T>
  static std::vector<T> sent(const std::vector<Message>& messages) {
    std::vector<T> found;
    for (const Message& message : messages)
      if (const auto* send = std::get_if<SendMessage>(&message))
        if (const auto* body = std::get_if<T>(&send->message)) found.push_back(*body);
    return found;
  }

  static std::size_t count_notes(const std::vector<Message>& messages, log::Incident kind) {
    std::size_t count = 0;
    for (const Message& message : messages)
      if (const auto* note = std::get_if<Note>(&message)) count += note->kind == kind;
    return count;
  }

  std::vector<Message> result(const std::string& session, const SendLease& lease,
                              const std::string& content = "same") {
    ResultArrived event;
    event.session = {session};
    event.known = store.find_unit(lease.name);
    event.message.attempt = lease.attempt;
    event.message.result.unit = lease.name;
    event.message.result.digest = sha256(lease.name + content);
    event.message.result.measured = {{"seconds", 2.0}};
    return hand(event);
  }

  // The worker says that the unit missed artifacts, and they are gone.
  std::vector<Message> fail_for_want_of(const std::string& session, const SendLease& lease,
                                        const std::vector<Digest>& missing, bool is_gone = true) {
    wire::FailureMessage message{
        lease.name, lease.attempt, {FailureClass::kInputOutput, "an artifact is missing", {}}};
    message.failure.missing = missing;
    return hand(with_losses({session}, std::move(message),
                            is_gone ? missing : std::vector<Digest>{}, store));
  }

  std::vector<Message> fail(const std::string& session, const SendLease& lease,
                            FailureClass why = FailureClass::kBug) {
    return hand(
        FailureArrived{{session}, {lease.name, lease.attempt, {why, "it went wrong", {"log"}}}});
  }

  wire::Verdict verdict(const std::vector<Message>& messages) {
    const auto acks = sent<wire::Ack>(messages);
    EXPECT_EQ(acks.size(), 1U);
    return acks.empty() ? wire::Verdict::kMissing : acks[0].verdict;
  }

  std::size_t count(UnitState state) const {
    std::size_t number = 0;
    for (const auto& [unused, row] : store.state().units) number += row.state == state;
    return number;
  }

  MemoryStore store;
  std::optional<Core> core;
  std::vector<Note> notes;          // of all events so far
  std::vector<RecordEvent> events;  // that people are told of
  Instant now{1000s};
};

// One model, one cell: two generate units, a reference and a score.
class CoreTest : public ::testing::Test {
 protected:
  CoreTest() : submission(submission_of({.models = 1, .steps = {4}})) {
    coordinator.submit(submission);
    inputs = inputs_of(submission);
  }
  Coordinator coordinator;
  Submission submission;
  std::vector<std::string> inputs;
};

}  // namespace isocost::core

// What every core::Store does: one suite for the database and for its twin in memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "coordinator/core/ports.h"
#include "coordinator/storage/reader.h"
#include "coordinator/storage/sqlite_store.h"
#include "schema/units/cell.h"
#include "tests/support/memory_store.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"

namespace isocost::core {
namespace {

using testing::MemoryStore;
using testing::submission_of;

enum class Kind { kMemory, kSqlite };

class StoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  StoreContract() { restart(); }

  // The process dies and starts again: what was not committed is gone.
  void restart() {
    if (GetParam() == Kind::kMemory) {
      memory_.crash();
      store_ = &memory_;
    } else {
      sqlite_.reset();
      auto opened = storage::SqliteStore::open(folder_ / "isocost.db");
      ASSERT_TRUE(opened.has_value()) << opened.error().message();
      sqlite_ = std::move(*opened);
      store_ = sqlite_.get();
    }
    state_ = store_->open();
  }

  std::shared_ptr<const SubmissionPlan> submit(const Submission& submission, int priority = 0) {
    auto plan = plan_submission(submission, store_->existing(submission), priority);
    EXPECT_TRUE(plan.has_value());
    auto shared = std::make_shared<const SubmissionPlan>(std::move(*plan));
    store_->apply({InsertSubmission{shared}});
    return shared;
  }

  static UnitResult result_of(const NewUnit& unit) {
    UnitResult result;
    result.unit = unit.name;
    result.values = {{"value", 0.1}};
    result.artifacts = {{"rows/a", sha256(unit.name), 7}};
    result.digest = sha256("digest" + unit.name);
    result.device_class = "test";
    return result;
  }

  testing::ScratchFolder folder_;
  MemoryStore memory_;
  std::unique_ptr<storage::SqliteStore> sqlite_;
  Store* store_ = nullptr;
  OpenState state_;
};

TEST_P(StoreContract, CountsStartsAndKeepsItsId) {
  const OpenState first = state_;

  restart();

  EXPECT_EQ(state_.epoch, first.epoch + 1);
  EXPECT_EQ(state_.database, first.database);
  EXPECT_FALSE(state_.database.empty());
}

TEST_P(StoreContract, OpensWhatIsNotFinished) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}), 3);
  store_->apply({FinishUnit{plan->units[0].id, result_of(plan->units[0]), "w", {1, 1}}});
  store_->commit();

  restart();

  ASSERT_EQ(state_.units.size(), 3U);
  EXPECT_EQ(state_.units[0].id, plan->units[1].id);
  EXPECT_EQ(state_.units[0].name, plan->units[1].name);
  EXPECT_EQ(state_.units[0].inputs, plan->units[1].inputs);
  EXPECT_EQ(state_.units[0].affinity, plan->units[1].affinity);
  EXPECT_EQ(state_.units[0].gflops, plan->units[1].gflops);
  EXPECT_EQ(state_.units[0].memory_bytes, plan->units[1].memory_bytes);
  EXPECT_EQ(state_.units[0].priority, 3);
  EXPECT_EQ(state_.units[2].needs.size(), 2U);  // the third is done
}

TEST_P(StoreContract, ForgetsWhatWasNotCommitted) {
  submit(submission_of());

  restart();

  EXPECT_TRUE(state_.units.empty());
}

TEST_P(StoreContract, SeesWhatWasAppliedBeforeTheCommit) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  store_->apply({FinishUnit{plan->units[0].id, result_of(plan->units[0]), "w", {1, 1}}});

  const auto known = store_->find_unit(plan->units[0].name);

  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->state, UnitState::kDone);
  EXPECT_EQ(known->digest, result_of(plan->units[0]).digest);
  EXPECT_FALSE(store_->find_unit("no such unit").has_value());
  EXPECT_EQ(store_->find_unit(plan->units[1].name)->digest, std::nullopt);
}

TEST_P(StoreContract, CompletesALeaseWithBodyNeedsAndBlobs) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  for (const NewUnit& unit : plan->units)
    if (unit.kind != UnitKind::kScore)
      store_->apply({FinishUnit{unit.id, result_of(unit), "w", {1, 1}}});

  const wire::Lease generate = store_->lease_of(plan->units.front().id);
  const wire::Lease score = store_->lease_of(plan->units.back().id);

  EXPECT_EQ(generate.unit, plan->units.front().name);
  const auto unit = unit_body_from_text(generate.kind, generate.body, "body");
  ASSERT_TRUE(unit) << generate.body;
  EXPECT_EQ(unit_name(*unit), generate.unit);
  EXPECT_EQ(body_text(*unit), generate.body);
  const auto judged = unit_body_from_text(score.kind, score.body, "body");
  ASSERT_TRUE(judged) << score.body;
  EXPECT_EQ(unit_name(*judged), score.unit);
  ASSERT_EQ(generate.blobs.size(), 1U);
  EXPECT_EQ(generate.blobs[0].name(), plan->blobs[0]);
  EXPECT_EQ(score.kind, UnitKind::kScore);
  ASSERT_EQ(score.needs.size(), 3U);
  EXPECT_EQ(score.needs[0].kind, UnitKind::kReference);
  for (std::size_t i : {0U, 1U}) {
    const NewUnit& needed = plan->units[i];
    EXPECT_EQ(score.needs[i + 1], (NeededUnit{needed.name, UnitKind::kGenerate, needed.range,
                                              result_of(needed).artifacts}));
  }
}

TEST_P(StoreContract, FindsWhatExistsForAPlan) {
  submit(submission_of());
  store_->commit();

  const auto again = plan_submission(submission_of(), store_->existing(submission_of()));
  const auto more = plan_submission(submission_of({.images = 256}),
                                    store_->existing(submission_of({.images = 256})));

  EXPECT_TRUE(again->units.empty());
  EXPECT_EQ(again->cells.size(), 4U);
  EXPECT_EQ(more->units.size(), 4U * 3U);  // two ranges and a score a cell
  EXPECT_TRUE(more->samples.empty());
}

TEST_P(StoreContract, ReplacesTheCellsOfAnExperimentThatIsSubmittedAgain) {
  submit(submission_of({.models = 2}));
  EXPECT_TRUE(store_->unwanted().empty());

  submit(submission_of({.models = 1}));

  EXPECT_EQ(store_->unwanted().size(), 2U * 3U);  // two cells of the model that is gone
}

TEST_P(StoreContract, WantsNothingOfACancelledExperimentButWhatAnotherWants) {
  submit(submission_of({.name = "a", .models = 2}));
  submit(submission_of({.name = "b", .models = 1}));
  store_->apply({CancelExperimentRow{*store_->find_experiment("a")}});

  EXPECT_EQ(store_->unwanted().size(), 2U * 3U);
  EXPECT_FALSE(store_->find_experiment("c").has_value());
}

TEST_P(StoreContract, GivesAUnitTheHighestPriorityOfTheLiveExperimentsThatWantIt) {
  const auto plan = submit(submission_of({.name = "a", .models = 2}));
  EXPECT_TRUE(store_->priorities().empty());

  submit(submission_of({.name = "b", .models = 1}), 5);  // two of a's cells
  std::map<UnitId, int> raised = store_->priorities();
  EXPECT_EQ(raised.size(), 2U * 3U + 1);  // two ranges and a score a cell, and the reference
  for (const auto& [unused, priority] : raised) EXPECT_EQ(priority, 5);
  store_->commit();
  restart();
  for (const OpenUnit& unit : state_.units)
    EXPECT_EQ(unit.priority, raised.contains(unit.id) ? 5 : 0) << unit.name;

  submit(submission_of({.name = "b", .models = 1}), -5);  // a wants them more
  EXPECT_TRUE(store_->priorities().empty());

  store_->apply({CancelExperimentRow{*store_->find_experiment("a")}});
  raised = store_->priorities();
  EXPECT_EQ(raised.size(), 2U * 3U + 1);
  for (const auto& [unused, priority] : raised) EXPECT_EQ(priority, -5);
}

TEST_P(StoreContract, TakesCancelledUnitsUpAgainTogether) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  for (const NewUnit& unit : plan->units) store_->apply({CancelUnit{unit.id}});

  const auto again = submit(submission_of({.models = 1, .steps = {4}}));

  EXPECT_EQ(again->revived.size(), 4U);
  EXPECT_TRUE(again->units.empty());
}

TEST_P(StoreContract, ListsFailedUnitsOfOneExperimentOrAll) {
  const auto a = submit(submission_of({.name = "a", .models = 1, .steps = {4}}));
  const auto b = submit(submission_of({.name = "b", .models = 1, .steps = {8}}));
  const UnitFailure failure{FailureClass::kBug, "wrong", {"one", "two"}};
  store_->apply({RecordFailure{a->units[0].id, true, 3, 0, failure, Attempt{1, 1}},
                 RecordFailure{b->units[0].id, true, 3, 1, failure, Attempt{1, 2}}});

  EXPECT_EQ(store_->failed(std::nullopt).size(), 2U);
  EXPECT_EQ(store_->failed(store_->find_experiment("a")), std::vector<UnitId>{a->units[0].id});
  const auto units = store_->units({b->units[0].id});
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units[0].attempts, 3);
  EXPECT_EQ(units[0].lost_workers, 1);
  store_->apply({ResetUnit{a->units[0].id}});
  EXPECT_TRUE(store_->failed(store_->find_experiment("a")).empty());
}

TEST_P(StoreContract, RemembersWhichAttemptsWereCountedEvenAfterARetry) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  const UnitId unit = plan->units[0].id;
  const UnitFailure lost{FailureClass::kLostWorker, "lost", {}};
  const UnitFailure bug{FailureClass::kBug, "wrong", {}};

  store_->apply({RecordFailure{unit, false, 0, 1, lost, Attempt{1, 1}},
                 RecordFailure{unit, false, 1, 1, bug, Attempt{1, 2}},
                 RecordFailure{unit, true, 2, 0, bug, Attempt{1, 1}}, ResetUnit{unit}});

  const auto units = store_->units({unit});
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units[0].attempts, 0);
  EXPECT_EQ(units[0].failed, (std::vector<FailedAttempt>{{{1, 1}, false}, {{1, 2}, false}}));
}

TEST_P(StoreContract, ForgetsALossThatIsForgiven) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  const UnitId unit = plan->units[0].id;
  const UnitFailure lost{FailureClass::kLostWorker, "lost", {}};

  store_->apply({RecordFailure{unit, false, 0, 1, lost, Attempt{1, 1}},
                 RecordFailure{unit, false, 0, 2, lost, Attempt{1, 2}},
                 ForgiveLoss{unit, Attempt{1, 2}}, ForgiveLoss{unit, Attempt{1, 2}},
                 ForgiveLoss{unit, Attempt{1, 3}}});

  const auto units = store_->units({unit});
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units[0].lost_workers, 1);
  EXPECT_EQ(units[0].failed, (std::vector<FailedAttempt>{{{1, 1}, true}}));
}

TEST_P(StoreContract, CountsCells) {
  const auto plan = submit(submission_of({.models = 2, .steps = {4}}));
  // The first cell: two ranges, the reference, its score.
  for (const NewUnit& unit : plan->units)
    if (unit.sample != plan->units.back().sample)
      store_->apply({FinishUnit{unit.id, result_of(unit), "w", {1, 1}}});
  store_->apply({RecordFailure{plan->units.back().id, true, 3, 0, {}, {}}});
  Snapshot snapshot;

  store_->describe(snapshot);

  ASSERT_EQ(snapshot.experiments.size(), 1U);
  EXPECT_EQ(snapshot.experiments[0].cells, 2U);
  EXPECT_EQ(snapshot.experiments[0].cells_done, 1U);
  EXPECT_EQ(snapshot.experiments[0].cells_failed, 1U);
  EXPECT_EQ(snapshot.units.done, 4U);
  EXPECT_EQ(snapshot.units.failed, 1U);
  EXPECT_EQ(snapshot.units.ready, 2U);
  EXPECT_EQ(snapshot.units.waiting, 0U);
}

// Nothing says that a unit waits but what it needs.
TEST_P(StoreContract, TellsWaitingUnitsFromReadyOnes) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  const auto counts = [&] {
    Snapshot snapshot;
    store_->describe(snapshot);
    return std::pair(snapshot.units.waiting, snapshot.units.ready);
  };
  EXPECT_EQ(counts(), std::pair(std::uint64_t{1}, std::uint64_t{3}));

  for (const NewUnit& unit : plan->units)
    if (unit.kind != UnitKind::kScore)
      store_->apply({FinishUnit{unit.id, result_of(unit), "w", {1, 1}}});
  EXPECT_EQ(counts(), std::pair(std::uint64_t{0}, std::uint64_t{1}));

  store_->apply({ReopenUnit{plan->units[0].id, 1, {1, 1}}});
  EXPECT_EQ(counts(), std::pair(std::uint64_t{1}, std::uint64_t{1}));
}

TEST_P(StoreContract, NamesTheInputsThatNoWorkerHas) {
  submit(submission_of({.models = 1}));
  const std::string unet = testing::input_of("unet-0"), unknown = testing::input_of("nobody's");
  Snapshot snapshot;
  snapshot.missing_inputs = {{unet, unet}, {unknown, unknown}};

  store_->describe(snapshot);

  EXPECT_EQ(snapshot.missing_inputs[0].name, "models/unet-0");
  EXPECT_EQ(snapshot.missing_inputs[1].name, unknown);
}

TEST_P(StoreContract, TellsWhatTheWorkersUnitsAreFor) {
  const auto plan = submit(submission_of({.models = 2, .steps = {4}}));
  const auto generate =
      std::find_if(plan->units.begin(), plan->units.end(),
                   [](const NewUnit& unit) { return unit.kind == UnitKind::kGenerate; });
  const auto reference =
      std::find_if(plan->units.begin(), plan->units.end(),
                   [](const NewUnit& unit) { return unit.kind == UnitKind::kReference; });
  Snapshot snapshot;
  WorkerView worker;
  for (const auto& unit : {generate, reference}) {
    RunningView view;
    view.run.unit = unit->name;
    worker.running.push_back(view);
  }
  snapshot.workers = {worker};

  store_->describe(snapshot);

  const auto& running = snapshot.workers[0].running;
  EXPECT_EQ(running[0].labels, Json::parse(plan->cells[0].labels));
  EXPECT_EQ(running[0].images.end, generate->range.end);
  EXPECT_TRUE(running[1].labels.empty());
  EXPECT_EQ(snapshot.experiments.at(0).units.leased, 1U);
}

TEST_P(StoreContract, RecordsEventsWithTheCellsThatTheyConcern) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4, 8}}));
  (void)store_->take_events();

  store_->apply(
      {RecordEvent{.kind = "submitted", .what = "2 cells", .experiment = plan->experiment},
       RecordEvent{.kind = "attempt_failed",
                   .who = "w",
                   .what = "bug: it broke",
                   .unit = plan->units[0].id}});
  const auto events = store_->take_events();

  ASSERT_EQ(events.size(), 2U);
  EXPECT_LT(events[0].id, events[1].id);
  EXPECT_EQ(events[0].experiment, plan->name);
  EXPECT_FALSE(events[0].cell.has_value());
  EXPECT_EQ(events[1].who, "w");
  EXPECT_EQ(events[1].experiment, plan->name);
  EXPECT_EQ(events[1].cell, 0U);
  EXPECT_EQ(events[1].labels, labels_text(Json::parse(plan->cells[0].labels)));
  EXPECT_TRUE(store_->take_events().empty());
}

// Once a cell, when the last of what it wants is there, and whatever else its sample waits for.
TEST_P(StoreContract, TellsWhenACellIsFinished) {
  Submission submission = submission_of({.models = 1, .steps = {4}});
  const auto plan = submit(submission);
  submission.name = "longer";
  submission.cells[0].images.end += 64;
  submission.cells[0].scores.clear();
  const auto longer = submit(submission);
  (void)store_->take_events();
  std::vector<std::string> told;
  const auto finish = [&](const NewUnit& unit) {
    store_->apply({FinishUnit{unit.id, result_of(unit), "w", {1, 1}}});
    for (const log::Event& event : store_->take_events())
      told.push_back(event.kind + " " + event.experiment + " " + unit.name.substr(0, 5));
  };

  for (const NewUnit& unit : plan->units) finish(unit);
  const std::size_t before = told.size();
  for (const NewUnit& unit : longer->units) finish(unit);

  ASSERT_EQ(before, 1U);
  EXPECT_EQ(told[0], "finished " + plan->name + " score");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1], "finished longer gener");
}

TEST_P(StoreContract, TellsNothingThatWasNotCommitted) {
  store_->apply({RecordEvent{.kind = "lost", .who = "w"}});
  restart();

  EXPECT_TRUE(store_->take_events().empty());
}

TEST_P(StoreContract, RemembersWhoReported) {
  store_->apply({SeeWorker{"w1", "fake", {}}, SeeWorker{"w2", "fake", {}}});
  store_->commit();

  restart();

  std::sort(state_.workers.begin(), state_.workers.end());
  EXPECT_EQ(state_.workers, (std::vector<std::string>{"w1", "w2"}));
}

TEST_P(StoreContract, RemembersWhoseAttemptsFailedAndWhichAreExcused) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  const UnitId unit = plan->units[0].id;
  const UnitFailure bug{FailureClass::kBug, "wrong", {}};

  store_->apply({RecordFailure{unit, false, 1, 0, bug, Attempt{1, 1}, "w1"},
                 RecordFailure{unit, false, 2, 0, bug, Attempt{1, 2}, "w2"},
                 ExcuseAttempt{unit, Attempt{1, 1}, "w1"}, ExcuseAttempt{unit, Attempt{1, 1}, "w1"},
                 ExcuseAttempt{unit, Attempt{1, 3}, ""}});

  const auto units = store_->units({unit});
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units[0].attempts, 1);
  EXPECT_EQ(units[0].failed, (std::vector<FailedAttempt>{{{1, 1}, false, "w1", true},
                                                         {{1, 2}, false, "w2", false},
                                                         {{1, 3}, false, "", true}}));
}

TEST_P(StoreContract, FindsFailedUnitsThatAWorkerHadAPartIn) {
  const auto a = submit(submission_of({.name = "a", .models = 1, .steps = {4}}));
  const auto b = submit(submission_of({.name = "b", .models = 1, .steps = {8}}));
  const UnitFailure bug{FailureClass::kBug, "wrong", {}};
  const UnitFailure lost{FailureClass::kLostWorker, "lost", {}};
  const auto fail = [&](const NewUnit& unit, std::uint64_t counter, const UnitFailure& why,
                        const std::string& worker, bool is_over) {
    store_->apply({RecordFailure{unit.id, is_over, 1, 0, why, Attempt{1, counter}, worker}});
  };
  fail(a->units[0], 1, bug, "w1", true);
  fail(a->units[1], 2, lost, "w1", true);  // lost, not failed
  fail(a->units[2], 3, bug, "w1", false);  // not over
  fail(b->units[0], 4, bug, "w2", true);
  fail(b->units[1], 5, bug, "w1", true);
  store_->apply({ExcuseAttempt{b->units[1].id, Attempt{1, 5}, "w1"}});

  EXPECT_EQ(store_->failed_by("w1"), std::vector<UnitId>{a->units[0].id});
  EXPECT_EQ(store_->failed_by("w2"), std::vector<UnitId>{b->units[0].id});
  EXPECT_TRUE(store_->failed_by("w3").empty());
  store_->apply({CancelExperimentRow{*store_->find_experiment("b")}});
  EXPECT_TRUE(store_->failed_by("w2").empty());
}

TEST_P(StoreContract, FindsWhoMadeAnArtifactAndOpensIt) {
  const auto plan = submit(submission_of({.models = 1, .steps = {4}}));
  const NewUnit& maker = plan->units[0];
  const NewUnit& score = plan->units.back();
  const auto made_by = [&](const NewUnit& needed) {
    for (const NeededUnit& one : store_->lease_of(score.id).needs)
      if (one.name == needed.name) return one.artifacts;
    return std::vector<ArtifactRef>{{"it is not needed", {}, 0}};
  };
  for (const NewUnit& unit : plan->units)
    if (unit.id != score.id) store_->apply({FinishUnit{unit.id, result_of(unit), "w", {1, 1}}});

  const auto lost = store_->makers({sha256(maker.name), sha256("nobody made this")});
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].unit.id, maker.id);
  EXPECT_EQ(lost[0].unit.digest, result_of(maker).digest);
  EXPECT_EQ(lost[0].dependents, std::vector<UnitId>{score.id});

  EXPECT_FALSE(store_->was_remade(score.id, {1, 1}));
  store_->apply({ReopenUnit{maker.id, 1, {2, 7}}});
  store_->commit();
  restart();
  ASSERT_EQ(state_.units.size(), 2U);
  EXPECT_EQ(state_.units[0].remakes, 1);
  EXPECT_EQ(state_.units[0].digest, result_of(maker).digest);
  EXPECT_EQ(state_.units[1].needs, std::vector<UnitId>{maker.id});
  EXPECT_TRUE(store_->makers({sha256(maker.name)}).empty());  // its artifacts are forgotten
  EXPECT_TRUE(made_by(maker).empty());

  EXPECT_TRUE(store_->was_remade(score.id, {1, 99}));
  EXPECT_TRUE(store_->was_remade(score.id, {2, 7}));
  EXPECT_FALSE(store_->was_remade(score.id, {2, 8}));
  EXPECT_FALSE(store_->was_remade(maker.id, {1, 1}));
  UnitResult again = result_of(maker);
  again.digest = sha256("another digest");
  store_->apply({FinishUnit{maker.id, again, "w2", {2, 1}}});
  EXPECT_EQ(store_->find_unit(maker.name)->digest, again.digest);
  EXPECT_EQ(made_by(maker), again.artifacts);
  EXPECT_EQ(store_->makers({sha256(maker.name)}).size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values(Kind::kMemory, Kind::kSqlite),
                         [](const auto& which) {
                           return which.param == Kind::kMemory ? "memory" : "sqlite";
                         });

}  // namespace
}  // namespace isocost::core

#include "coordinator/core/submission.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/memory_store.h"
#include "tests/support/submission_builder.h"

namespace isocost::core {
namespace {

using testing::MemoryStore;
using testing::submission_of;

SubmissionPlan planned(MemoryStore& store, const Submission& submission) {
  auto plan = plan_submission(submission, store.existing(submission));
  EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().message());
  return plan.value_or(SubmissionPlan{});
}

SubmissionPlan submit(MemoryStore& store, const Submission& submission) {
  const auto plan = std::make_shared<SubmissionPlan>(planned(store, submission));
  store.apply({InsertSubmission{plan}});
  return *plan;
}

void finish(MemoryStore& store, UnitId id) {
  UnitResult result;
  result.unit = store.state().units.at(id).unit.name;
  store.apply({FinishUnit{id, result, "w", {1, 1}}});
}

void finish_all(MemoryStore& store) {
  for (const auto& [id, row] : store.state().units) finish(store, id);
}

std::vector<ImageRange> generate_ranges(const SubmissionPlan& plan) {
  std::vector<ImageRange> ranges;
  for (const NewUnit& unit : plan.units)
    if (unit.kind == UnitKind::kGenerate) ranges.push_back(unit.range);
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}

TEST(Submission, RefusesMoreUnitsThanAnyMachineHolds) {
  MemoryStore store;
  Submission many = submission_of({.models = 1, .steps = {4}});
  many.cells[0].images.end = 1ULL << 40U;
  Submission large = submission_of({.models = 1, .steps = {4}});
  large.unit_images = ~0ULL / 64 * 64;

  EXPECT_FALSE(plan_submission(many, store.existing(many)));
  EXPECT_FALSE(plan_submission(large, store.existing(large)));
}

// A file's name need not be a text, and labels come from such.
TEST(Submission, RefusesLabelsThatAreNoText) {
  MemoryStore store;
  Submission submission = submission_of({.models = 1, .steps = {4}});
  submission.cells[0].labels["model"] = "caf\xE9";

  const auto plan = plan_submission(submission, store.existing(submission));

  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message().find("not UTF-8"), std::string::npos);
}

TEST(Submission, CutsImagesIntoUnitsThatTheScoreNeedsWithItsReference) {
  MemoryStore store;

  const SubmissionPlan plan = planned(store, submission_of({.models = 1, .steps = {4}}));

  ASSERT_EQ(plan.units.size(), 4U);
  EXPECT_EQ(generate_ranges(plan), (std::vector<ImageRange>{{0, 64}, {64, 128}}));
  const NewUnit& score = plan.units.back();
  EXPECT_EQ(score.kind, UnitKind::kScore);
  EXPECT_EQ(score.needs.size(), 3U);
  EXPECT_EQ(plan.images_wanted, 128U);
  EXPECT_EQ(plan.images_new, 128U);
}

TEST(Submission, SharesTheReferenceOfAllCells) {
  MemoryStore store;

  const SubmissionPlan plan = planned(store, submission_of({.models = 3}));

  EXPECT_EQ(plan.references.size(), 1U);
  EXPECT_EQ(plan.scores.size(), 6U);
}

TEST(Submission, CostsNothingTheSecondTime) {
  MemoryStore store;
  submit(store, submission_of());

  const SubmissionPlan again = planned(store, submission_of());

  EXPECT_TRUE(again.units.empty());
  EXPECT_FALSE(again.is_new_experiment);
  EXPECT_EQ(again.images_new, 0U);
  EXPECT_EQ(again.cells.size(), 4U);
}

TEST(Submission, TellsImagesThatAreQueuedFromThoseThatAreThere) {
  MemoryStore store;
  const SubmissionPlan first = submit(store, submission_of());
  EXPECT_EQ(first.images_queued, 0U);

  EXPECT_EQ(planned(store, submission_of({.name = "other"})).images_queued, 4U * 128U);

  finish(store, first.units.at(0).id);
  EXPECT_EQ(planned(store, submission_of({.name = "other"})).images_queued,
            4U * 128U - first.units.at(0).range.size());
}

TEST(Submission, ReusesUnitsOfAnotherCut) {
  MemoryStore store;
  submit(store, submission_of({.unit_images = 64}));
  finish_all(store);

  const SubmissionPlan again = planned(store, submission_of({.unit_images = 16}));

  EXPECT_TRUE(again.units.empty());
}

TEST(Submission, ExtendsImagesByWhatIsMissingAlignedToGroups) {
  MemoryStore store;
  submit(store, submission_of({.models = 1, .steps = {4}, .images = 100}));

  const SubmissionPlan more =
      planned(store, submission_of({.models = 1, .steps = {4}, .images = 300}));

  // 100 images were computed as [0, 112): the last group is computed whole anyway.
  EXPECT_EQ(generate_ranges(more),
            (std::vector<ImageRange>{{112, 128}, {128, 192}, {192, 256}, {256, 304}}));
  EXPECT_EQ(more.units.back().needs.size(), 7U);  // six ranges and the reference
}

TEST(Submission, ComputesFinalistsScoresOnImagesThatWereNotUsed) {
  MemoryStore store;
  submit(store, submission_of({.models = 1, .steps = {4}, .images = 64}));

  const SubmissionPlan more = planned(
      store,
      submission_of(
          {.name = "finalists", .models = 1, .steps = {4}, .images = 256, .judged_from = 64}));

  EXPECT_EQ(generate_ranges(more), (std::vector<ImageRange>{{64, 128}, {128, 192}, {192, 256}}));
  EXPECT_TRUE(more.is_new_experiment);
}

TEST(Submission, AddsAnExtractorAsUnitsWithThisOutputAlone) {
  MemoryStore store;
  submit(store, submission_of({.models = 1, .steps = {4}}));

  const SubmissionPlan more =
      planned(store, submission_of({.models = 1, .steps = {4}, .extractor = "clip"}));

  ASSERT_EQ(generate_ranges(more).size(), 2U);
  const NewUnit& unit = more.units.front();
  ASSERT_EQ(unit.extractors.size(), 1U);
  const auto extractor = Json::parse(more.extractors.at(unit.extractors[0]));
  EXPECT_EQ(extractor.at("kind"), "clip");
  EXPECT_EQ(unit.keep_pictures, 0U);
}

TEST(Submission, KeepsMorePicturesAsUnitsWithoutExtractors) {
  MemoryStore store;
  submit(store, submission_of({.models = 1, .steps = {4}, .keep_pictures = 2}));

  const SubmissionPlan more =
      planned(store, submission_of({.models = 1, .steps = {4}, .keep_pictures = 20}));

  EXPECT_EQ(generate_ranges(more), (std::vector<ImageRange>{{0, 32}}));
  EXPECT_TRUE(more.units.front().extractors.empty());
  EXPECT_EQ(more.units.front().keep_pictures, 20U);
}

TEST(Submission, TakesUpCancelledUnitsAgain) {
  MemoryStore store;
  submit(store, submission_of({.models = 1, .steps = {4}}));
  for (const auto& [id, row] : store.state().units) store.apply({CancelUnit{id}});

  const SubmissionPlan again = planned(store, submission_of({.models = 1, .steps = {4}}));

  EXPECT_TRUE(again.units.empty());
  EXPECT_EQ(again.revived.size(), 4U);
}

// Names, bodies and keys are put together from parts that many units share: they are those of the
// unit that a worker reads.
TEST(Submission, NamesUnitsAndScoresByWhatTheyHold) {
  MemoryStore store;
  Submission submission = submission_of({.models = 2, .steps = {4, 8}});
  for (CellRequest& cell : submission.cells) {
    cell.keep_pictures = 8;
    ScoreSpec clip = cell.scores[0];
    clip.metric = "clip_score";
    clip.extractor.kind = "clip";
    clip.extractor.options = {{"prefix", "a \"picture\" of"}};
    clip.reference.clear();
    cell.scores.push_back(clip);
  }

  const SubmissionPlan plan = submit(store, submission);

  for (const NewUnit& unit : plan.units) {
    const std::string body = store.lease_of(unit.id).body;
    const auto read = unit_body_from_text(unit.kind, body, "body");
    ASSERT_TRUE(read) << body;
    EXPECT_EQ(unit.name, unit_name(*read));
    EXPECT_EQ(body, body_text(*read));
  }
  ASSERT_EQ(plan.samples.size(), submission.cells.size());
  for (std::size_t i = 0; i < plan.samples.size(); ++i)
    EXPECT_EQ(plan.samples[i].key, sample_key(submission.cells[i].sample));
  ASSERT_EQ(plan.scores.size(), 2 * submission.cells.size());
  for (std::size_t i = 0; i < plan.scores.size(); ++i)
    EXPECT_EQ(plan.scores[i].key,
              score_key(plan.samples[i / 2].key, submission.cells[i / 2].scores[i % 2]));
}

TEST(Submission, NamesEveryFaultAtOnce) {
  MemoryStore store;
  Submission submission = submission_of({.models = 1, .steps = {4, 8}, .unit_images = 24});
  submission.cells[0].scores[0].range.end = 1000;
  submission.references.clear();

  const auto plan = plan_submission(submission, store.existing(submission));

  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().errors.size(), 5U) << plan.error().message();
}

TEST(Submission, PricesUnitsByCallsAndNetwork) {
  MemoryStore store;

  const SubmissionPlan plan = planned(store, submission_of({.models = 1, .steps = {4}}));

  EXPECT_DOUBLE_EQ(plan.units.front().gflops, 64 * (8 * 0.5 + 0.25));
  EXPECT_EQ(plan.units.front().affinity, testing::input_of("unet-0"));
  EXPECT_EQ(plan.units.front().inputs.size(), 3U);  // unet, vae, extractor; prompts are a blob
}

}  // namespace
}  // namespace isocost::core

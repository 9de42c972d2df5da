#include "reports/model/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "reports/model/report.h"
#include "tests/support/report_data.h"

namespace isocost::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::make_study;
using testing::ReportDataBuilder;

const Answer& at_budget(const std::vector<Answer>& list, double budget) {
  return *std::find_if(list.begin(), list.end(),
                       [&](const Answer& answer) { return answer.budget >= budget; });
}

TEST(Answers, NameTheRunnerUpAndWhetherTheLeadIsResolved) {
  ReportDataBuilder builder;
  builder.cell({.model = "a", .gflops_per_call = 1, .fid = 20, .half = 1})
      .cell({.model = "b", .gflops_per_call = 2, .fid = 19.5, .half = 1});
  builder.cell({.model = "c", .gflops_per_call = 40, .fid = 10, .half = 1});
  const Study study = make_study(builder.data());

  const auto list = answers(candidate_settings(study), study, kGflopsAxis);

  EXPECT_EQ(list.front().best.point->model, "a");
  EXPECT_FALSE(list.front().runner_up);
  const auto both = std::find_if(list.begin(), list.end(), [](const Answer& answer) {
    return answer.best.point->model == "b";
  });
  ASSERT_NE(both, list.end());
  EXPECT_EQ(both->runner_up->point->model, "a");
  EXPECT_FALSE(both->runner_up_is_resolved);
  EXPECT_EQ(both->tied, 1U);
  EXPECT_EQ(both->use.point->model, "a");
  EXPECT_EQ(list.back().best.point->model, "c");
  EXPECT_TRUE(list.back().runner_up_is_resolved);
  EXPECT_EQ(list.back().tied, 0U);
}

TEST(Answers, AreNeverResolvedWithoutIntervals) {
  ReportDataBuilder builder;
  builder.cell({.model = "a", .fid = 20, .half = 0}).cell({.model = "b", .fid = 90, .half = 0});
  const Study study = make_study(builder.data());

  const auto list = answers(candidate_settings(study), study, kGflopsAxis);

  EXPECT_FALSE(list.back().runner_up_is_resolved);
}

TEST(Answers, AreEmptyOnAnAxisThatWasNotMeasured) {
  ReportDataBuilder builder;
  builder.cell({}).cell({.model = "b"});
  const Study study = make_study(builder.data());

  EXPECT_TRUE(answers(candidate_settings(study), study, kSecondsAxis).empty());
}

TEST(Budgets, ReachFromTheCheapestToTheDearest) {
  for (const auto& [low, high] : {std::pair{0.1, 58.6}, {3.0, 3.0}, {1.0, 9.0}, {1e-6, 1e7}}) {
    const auto list = budgets(low, high);

    ASSERT_FALSE(list.empty());
    EXPECT_GE(list.front(), low);
    EXPECT_GE(list.back(), high);
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
  }
  EXPECT_EQ(budgets(0.02, 0.05).front(), 0.02);
}

// Three sizes: the two bigger ones are told apart from the smallest, but not from each other.
ReportDataBuilder tie_of_two() {
  ReportDataBuilder builder;
  for (const auto& [gflops, fid] : {std::pair{1.0, 30.0}, {2.0, 20.2}, {8.0, 20.0}})
    builder.cell({.model = "m" + std::to_string(static_cast<int>(gflops)),
                  .gflops_per_call = gflops,
                  .fid = fid,
                  .half = 1});
  return builder;
}

TEST(Answers, LeadWithTheCheapestThatIsNotToldApartFromTheBest) {
  const Study study = make_study(tie_of_two().data());

  const auto list = answers(candidate_settings(study), study, kGflopsAxis);

  const Answer& last = list.back();
  EXPECT_EQ(last.best.point->model, "m8");
  EXPECT_EQ(last.use.point->model, "m2");
  EXPECT_FALSE(last.use_is_best());
  EXPECT_DOUBLE_EQ(last.times_dearer(kGflopsAxis), 4);
  ASSERT_TRUE(last.use_gap);
  EXPECT_NEAR(last.use_gap->value, 0.2, 1e-12);
  EXPECT_EQ(at_budget(list, 20).use.point->model, "m1");
}

TEST(Answers, UseTheBestWhereItIsToldApartFromAllThatIsCheaper) {
  ReportDataBuilder builder;
  for (const auto& [gflops, fid] : {std::pair{1.0, 30.0}, {2.0, 25.0}, {8.0, 20.0}})
    builder.cell({.model = "m" + std::to_string(static_cast<int>(gflops)),
                  .gflops_per_call = gflops,
                  .fid = fid,
                  .half = 1});
  const Study study = make_study(builder.data());

  const auto list = answers(candidate_settings(study), study, kGflopsAxis);

  for (const Answer& answer : list) EXPECT_TRUE(answer.use_is_best());
}

// Without intervals nothing says that two settings are as good as each other.
TEST(Answers, UseTheBestWhereThereAreNoIntervals) {
  ReportDataBuilder builder;
  builder.cell({.model = "a", .gflops_per_call = 1, .fid = 20.1, .half = 0})
      .cell({.model = "b", .gflops_per_call = 9, .fid = 20, .half = 0});
  const Study study = make_study(builder.data());

  EXPECT_EQ(answers(candidate_settings(study), study, kGflopsAxis).back().use.point->model, "b");
}

TEST(Answers, InSecondsDoNotSplitEqualWorkByNoise) {
  ReportDataBuilder builder;
  // The same network and calls; what the clock said differs by a few percent.
  builder.cell({.guidance = 3, .fid = 20.0, .unit_seconds = {26, 25.2, 25.8, 25.4}});
  builder.cell({.sampler = "dpmpp-2m",
                .guidance = 3,
                .fid = 15.0,
                .unit_seconds = {26.2, 25.6, 25.5, 26.4}});
  const Study study = make_study(builder.data());

  const auto& a = study.points[0];
  const auto& b = study.points[1];
  EXPECT_EQ(a.costs[kSecondsAxis], b.costs[kSecondsAxis]);
  ASSERT_TRUE(a.cost_ranges[kSecondsAxis]);
  EXPECT_LT(a.cost_ranges[kSecondsAxis]->low, *a.costs[kSecondsAxis]);
  EXPECT_GT(a.cost_ranges[kSecondsAxis]->high, *a.costs[kSecondsAxis]);
  for (const Answer& answer : answers(candidate_settings(study), study, kSecondsAxis))
    EXPECT_EQ(answer.best.point->sampler, "dpmpp-2m");
}

TEST(Answers, InSecondsKeepWorkApartThatTakesLonger) {
  ReportDataBuilder builder;
  builder.cell({.fid = 20.0, .unit_seconds = {25, 25.2, 24.8, 25.1}});
  builder.cell({.sampler = "ddpm", .fid = 15.0, .unit_seconds = {50, 50.3, 49.9, 50.1}});
  const Study study = make_study(builder.data());

  EXPECT_NEAR(*study.points[0].costs[kSecondsAxis], 25.025 / 256, 1e-9);
  EXPECT_NEAR(*study.points[1].costs[kSecondsAxis], 50.075 / 256, 1e-9);
}

// Four units of 25, 26, 25, 26 seconds: the mean is 25.5, its standard error 0.5774 / 2, and
// Student's t of 3 degrees of freedom 3.1824.
TEST(MeasuredCost, HasAnIntervalOfStudentsT) {
  ReportDataBuilder builder;
  builder.cell({.unit_seconds = {25, 26, 25, 26}});
  builder.cell({.model = "other", .unit_seconds = {25}});
  const Study study = make_study(builder.data());

  const auto range = study.points[0].cost_ranges[kSecondsAxis];

  ASSERT_TRUE(range);
  EXPECT_NEAR(range->low * 256, 25.5 - 3.18245 * 0.57735 / 2, 1e-4);
  EXPECT_NEAR(range->high * 256, 25.5 + 3.18245 * 0.57735 / 2, 1e-4);
  EXPECT_FALSE(study.points[1].cost_ranges[kSecondsAxis]);
}

TEST(Doubts, NameTiesTheEdgeOfTheGridAndFewImages) {
  ReportDataBuilder builder;
  for (const double guidance : {2.0, 3.0, 5.0})
    builder.cell({.model = "a", .guidance = guidance, .fid = 25 - guidance, .half = 4});
  builder.cell({.model = "b", .gflops_per_call = 3, .fid = 19, .half = 4});
  const Study study = make_study(builder.data());
  const auto list = answers(candidate_settings(study), study, kGflopsAxis);

  const auto last = doubts(list.back(), study);

  EXPECT_THAT(last,
              ElementsAre("one other setting within the budget is not told apart from the best",
                          "guidance 5 is at the edge of the grid: a better one may lie outside",
                          "512 images are few for FID: four times as many halve its intervals"));
  EXPECT_THAT(doubts(list, study), Contains(HasSubstr("the guidance is at the edge of the grid")));
}

TEST(Doubts, SayThatMoreStepsMayDoBetterOnlyWhereFewerAreWorse) {
  ReportDataBuilder falling, flat;
  for (const auto& [steps, fid] : {std::pair{4, 40.0}, {10, 30.0}, {50, 20.0}}) {
    falling.cell({.steps = static_cast<std::uint64_t>(steps), .fid = fid, .images = {0, 9000}});
    flat.cell({.steps = static_cast<std::uint64_t>(steps),
               .fid = 20 - steps / 500.0,
               .images = {0, 9000}});
  }
  const auto last_doubts = [](const ReportDataBuilder& builder) {
    const Study study = make_study(builder.data());
    return doubts(answers(candidate_settings(study), study, kGflopsAxis).back(), study);
  };

  EXPECT_THAT(last_doubts(falling),
              ElementsAre("the grid has no more than 50 steps: more may do better"));
  EXPECT_THAT(last_doubts(flat),
              ElementsAre("two other settings within the budget are not told apart from the best"));
}

TEST(Doubts, AreNoneWhereAllIsClear) {
  ReportDataBuilder builder;
  builder.cell({.model = "a", .fid = 30, .images = {0, 9000}})
      .cell({.model = "b", .gflops_per_call = 2, .fid = 20, .images = {0, 9000}});
  const Study study = make_study(builder.data());

  EXPECT_TRUE(doubts(answers(candidate_settings(study), study, kGflopsAxis).back(), study).empty());
}

TEST(Words, CountAsAPersonDoes) {
  EXPECT_EQ(in_words(1), "one");
  EXPECT_EQ(in_words(12), "twelve");
  EXPECT_EQ(in_words(1204), "1204");
  EXPECT_EQ(times_in_words(4.02), "four times");
  EXPECT_EQ(times_in_words(2), "twice");
  EXPECT_EQ(times_in_words(1.31), "1.3 times");
  EXPECT_EQ(times_in_words(6.5), "6.5 times");
}

}  // namespace
}  // namespace isocost::report

#include "reports/model/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "reports/model/answers.h"
#include "reports/model/display.h"
#include "tests/support/report_data.h"

namespace isocost::report {
namespace {

using testing::make_study;
using testing::ReportDataBuilder;

TEST(OptimalSettings, TakeTheLowestFidOverGuidanceAndCountTheCandidates) {
  ReportDataBuilder builder;
  for (const auto& [guidance, fid] : {std::pair{2.0, 30.0}, {3.0, 20.0}, {5.0, 25.0}})
    builder.cell({.guidance = guidance, .fid = fid});
  const Study study = make_study(builder.data());

  const auto optimal = optimal_settings(study);

  ASSERT_EQ(optimal.size(), 1U);
  EXPECT_EQ(optimal[0].point->guidance, 3.0);
  EXPECT_EQ(optimal[0].candidates, 3U);
  EXPECT_FALSE(optimal[0].is_at_edge);
  EXPECT_EQ(optimal[0].source, Source::kChosenAndJudgedOnSameImages);
}

TEST(OptimalSettings, SayWhenTheOptimumIsAtTheEdgeOfTheGrid) {
  ReportDataBuilder builder;
  for (const double guidance : {2.0, 3.0, 5.0})
    builder.cell({.guidance = guidance, .fid = 40 - guidance});
  const Study study = make_study(builder.data());

  EXPECT_TRUE(optimal_settings(study)[0].is_at_edge);
}

TEST(OptimalSettings, DoNotDependOnTheOrderOfTheRows) {
  ReportDataBuilder builder;
  for (const auto& model : {"a", "b"})
    for (const double guidance : {2.0, 3.0, 5.0})
      builder.cell({.model = model, .guidance = guidance, .fid = std::fmod(guidance * 7, 5)});
  ReportData turned = builder.data();
  std::reverse(turned.cells.begin(), turned.cells.end());
  const Study study = make_study(builder.data()), other = make_study(std::move(turned));

  const auto a = optimal_settings(study), b = optimal_settings(other);

  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(a[i].point->cell->sample_key, b[i].point->cell->sample_key);
}

TEST(Study, NeverComparesScoresOfUnequalNumbersOfImages) {
  ReportDataBuilder builder;
  builder.cell({.model = "a", .fid = 20}).cell({.model = "b", .fid = 22});
  builder.cell({.model = "c", .fid = 5, .images = {0, 1024}});
  const Study study = make_study(builder.data());

  const auto optimal = optimal_settings(study);

  EXPECT_EQ(study.groups.size(), 2U);
  EXPECT_EQ(optimal.size(), 2U);
  EXPECT_EQ(study.judgement, nullptr);
}

TEST(Study, TellsGroupsOfOneMetricApartByWhatTheyDifferIn) {
  ReportDataBuilder builder;
  builder.cell({.model = "a"});
  ReportData data = builder.data();
  const Study alone = make_study(builder.data());
  EXPECT_EQ(alone.choice->name() + alone.choice->told_apart(), "FID");
  data.references.push_back(
      {sha256("another").hex(), {"world", {}, {}, {{"split", "test"}, {"count", 64U}}}});
  data.input_names[sha256("pictures").name()] = "coco-val";
  report::Score score = data.cells[0].scores[0];
  ScoreSpec spec = *score.spec;
  spec.reference = sha256("another").hex();
  score.spec = spec;
  data.cells[0].scores.push_back(score);
  spec.protocol = {{"seed", 3}};
  score.spec = spec;
  data.cells[0].scores.push_back(score);

  const Study study = make_study(std::move(data));

  ASSERT_EQ(study.groups.size(), 3U);
  EXPECT_EQ(study.choice->name(), "FID against coco-val (n = 4096)");
  EXPECT_EQ(study.choice->told_apart(), "FID here is against coco-val (n = 4096).");
  const std::string other = "FID against the test split of the mini world (n = 64)";
  EXPECT_EQ(study.groups[1].name(), other + " with {}");
  EXPECT_EQ(study.groups[2].name(), other + " with {\"seed\":3}");
}

TEST(CandidateSettings, TakeTheValueFromImagesThatWereNotUsedToChoose) {
  ReportDataBuilder builder;
  for (const std::string model : {"a", "b"})
    for (const double guidance : {2.0, 3.0})
      builder.cell({.model = model,
                    .guidance = guidance,
                    .gflops_per_call = model == "a" ? 1.0 : 2.0,
                    .fid = (model == "a" ? 30 : 20) + guidance});
  for (const std::string model : {"a", "b"})
    builder.cell({.experiment = "finalists",
                  .model = model,
                  .guidance = 2,
                  .gflops_per_call = model == "a" ? 1.0 : 2.0,
                  .fid = model == "a" ? 34.0 : 24.0,
                  .images = {512, 4608}});
  const Study study = make_study(builder.data());

  const auto candidates = candidate_settings(study);

  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(candidates[0].value, 34.0);
  EXPECT_EQ(candidates[0].n, 4096U);
  EXPECT_EQ(candidates[0].candidates, 2U);
  EXPECT_EQ(candidates[0].source, Source::kJudgedOnOtherImages);
}

// Scores of another protocol are held against nothing.
TEST(Study, IsJudgedByTheProtocolThatChose) {
  ReportDataBuilder builder;
  for (const std::string model : {"a", "b"}) builder.cell({.model = model});
  for (const std::string model : {"a", "b"}) {
    builder.cell({.experiment = "finalists", .model = model, .images = {512, 4608}});
    ScoreSpec spec = *builder.last().scores[0].spec;
    spec.protocol = {{"resize", "other"}};
    builder.last().scores[0].spec = spec;
  }
  ReportData same = builder.data();
  for (Cell& cell : same.cells) {
    ScoreSpec spec = *cell.scores[0].spec;
    spec.protocol = Json::object();
    cell.scores[0].spec = spec;
  }

  EXPECT_EQ(make_study(builder.data()).judgement, nullptr);
  EXPECT_NE(make_study(std::move(same)).judgement, nullptr);
}

TEST(Resolved, GoesByTheIntervalOfTheDifference) {
  ReportDataBuilder builder;
  // Intervals of 20 on either side that overlap; replicates that move together.
  for (const std::string model : {"a", "b"}) {
    builder.cell({.model = model,
                  .gflops_per_call = model == "a" ? 1.0 : 2.0,
                  .fid = model == "a" ? 52.0 : 50.0,
                  .half = 20});
    auto& deviations = builder.last().scores[0].deviations;
    for (int r = 0; r < 200; ++r)
      deviations.push_back(
          static_cast<float>(20 * std::sin(r) + (model == "a" ? 0.1 : -0.1) * std::cos(7 * r)));
  }
  const Study study = make_study(builder.data());
  const auto settings = optimal_settings(study);

  EXPECT_TRUE(is_resolved(settings[0], settings[1]));
  EXPECT_EQ(findings(study, settings, settings).at(0).verdict, "holds");
  const auto list = answers(settings, study, kGflopsAxis);
  EXPECT_EQ(list.back().tied, 0U);
  ASSERT_TRUE(list.back().runner_up_gap);
  EXPECT_EQ(list.back().runner_up_gap->value, 2);
  EXPECT_GT(list.back().runner_up_gap->low, 1.5);
}

TEST(CandidateSettings, IgnoreFinalistsThatLeaveOutTheEnvelope) {
  ReportDataBuilder builder;
  builder.cell({.model = "a", .gflops_per_call = 1, .fid = 30})
      .cell({.model = "b", .gflops_per_call = 2, .fid = 20});
  builder.cell({.model = "c", .gflops_per_call = 3, .fid = 25});
  for (const std::string model : {"b", "c"})
    builder.cell({.experiment = "finalists",
                  .model = model,
                  .gflops_per_call = model == "b" ? 2.0 : 3.0,
                  .fid = 22,
                  .images = {512, 4608}});
  const Study study = make_study(builder.data());

  const auto candidates = candidate_settings(study);

  ASSERT_EQ(candidates.size(), 3U);
  EXPECT_EQ(candidates[0].source, Source::kChosenAndJudgedOnSameImages);
}

TEST(Envelope, KeepsWhatNothingCheaperBeats) {
  ReportDataBuilder builder;
  for (const auto& [gflops, fid] :
       {std::pair{1.0, 30.0}, {2.0, 31.0}, {3.0, 20.0}, {4.0, 20.0}, {5.0, 10.0}})
    builder.cell({.model = "m" + std::to_string(static_cast<int>(gflops)),
                  .gflops_per_call = gflops,
                  .fid = fid});
  const Study study = make_study(builder.data());

  const auto front = envelope(candidate_settings(study), study, kGflopsAxis);

  ASSERT_EQ(front.size(), 3U);
  EXPECT_EQ(front[0].point->model, "m1");
  EXPECT_EQ(front[1].point->model, "m3");
  EXPECT_EQ(front[2].point->model, "m5");
}

TEST(Envelope, CountsNoGuidanceAsHalfTheCalls) {
  ReportDataBuilder builder;
  builder.cell({.guidance = 1, .fid = 40}).cell({.guidance = 3, .fid = 20});
  const Study study = make_study(builder.data());

  const auto front = envelope(candidate_settings(study), study, kGflopsAxis);

  ASSERT_EQ(front.size(), 2U);
  EXPECT_EQ(*front[0].point->costs[kGflopsAxis], 10.0);
  EXPECT_EQ(*front[1].point->costs[kGflopsAxis], 20.0);
}

std::string verdict_of(const std::vector<std::pair<double, double>>& sizes, double half,
                       std::size_t at) {
  ReportDataBuilder builder;
  for (const auto& [gflops, fid] : sizes)
    builder.cell({.model = "m" + std::to_string(static_cast<int>(gflops)),
                  .steps = 50,
                  .gflops_per_call = gflops,
                  .fid = fid,
                  .half = half});
  const Study study = make_study(builder.data());
  return findings(study, optimal_settings(study), candidate_settings(study)).at(at).verdict;
}

TEST(Findings, TellHoldsFromNotResolvedFromRefuted) {
  EXPECT_EQ(verdict_of({{1, 30}, {2, 25}, {4, 20}}, 1, 0), "holds");
  EXPECT_EQ(verdict_of({{1, 30}, {2, 25}, {4, 24}}, 1, 0), "holds, not all resolved");
  EXPECT_EQ(verdict_of({{1, 30}, {2, 25}, {4, 26}}, 1, 0), "not resolved");
  EXPECT_EQ(verdict_of({{1, 30}, {2, 20}, {4, 28}}, 1, 0), "does not hold");
}

// A study that is not finished.
TEST(Findings, NameNoStepsWhereNothingIsScoredYet) {
  ReportDataBuilder builder;
  for (const std::string model : {"a", "b"}) {
    builder.cell({.model = model, .steps = 50});
    builder.cell({.model = model, .sampler = "ddpm", .steps = 50});
    builder.last().scores.clear();
  }
  const Study study = make_study(builder.data());

  const auto list = findings(study, optimal_settings(study), candidate_settings(study));

  EXPECT_EQ(list.at(0).hypothesis, "Bigger is better at 50 steps (DDIM trailing)");
  EXPECT_EQ(list.at(1).hypothesis, "Bigger is better (DDPM trailing)");
  EXPECT_EQ(list.at(1).verdict, "not tested");
}

TEST(Findings, SayThatOneModelMakesTheEnvelope) {
  EXPECT_EQ(verdict_of({{1, 20}, {2, 30}}, 1, 1), "does not hold");
}

TEST(Display, ReadsAsAPersonWritesNumbers) {
  EXPECT_EQ(display(0.012345), "0.0123");
  EXPECT_EQ(display(3), "3");
  EXPECT_EQ(display(1.5), "1.5");
  EXPECT_EQ(display(58.56), "58.6");
  EXPECT_EQ(display(1438), "1438");
  EXPECT_EQ(display(123456), "123\u202f456");
  EXPECT_EQ(display(0), "0");
  EXPECT_EQ(display_interval(23.1, 22.4, 23.95), "23.10 (22.40 to 23.95)");
  EXPECT_EQ(display_interval(0.3125, std::nullopt, std::nullopt), "0.3125");
}

}  // namespace
}  // namespace isocost::report

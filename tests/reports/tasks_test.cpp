// One answer a task: nothing compares cells of different tasks or data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "reports/model/pictures.h"
#include "reports/model/report.h"
#include "tests/support/report_data.h"

namespace isocost::report {
namespace {

using testing::CellLine;
using ::testing::ElementsAre;
using testing::make_study;
using testing::ReportDataBuilder;

// Two sizes in two tasks; enlarging costs a tenth and is scored far better.
ReportDataBuilder two_tasks() {
  ReportDataBuilder builder;
  for (const double gflops : {1.0, 4.0}) {
    builder.cell({.model = gflops == 1 ? "small" : "big",
                  .gflops_per_call = gflops,
                  .fid = gflops == 1 ? 30.0 : 20.0,
                  .task = "draw"});
    builder.cell({.model = gflops == 1 ? "small" : "big",
                  .gflops_per_call = gflops / 10,
                  .fid = gflops == 1 ? 0.2 : 0.1,
                  .half = 0.01,
                  .task = "enlarge",
                  .method = "x4",
                  .prompts = "pictures",
                  .metric = "clip_score",
                  .more = {{"fid", 3}}});
  }
  return builder;
}

TEST(Tasks, HaveAnAnswerEachByTheMetricThatTheirGridNamesFirst) {
  const Report report = make_report(two_tasks().data());

  ASSERT_EQ(report.tasks.size(), 2U);
  const TaskReport &draw = report.tasks[0], &enlarge = report.tasks[1];
  EXPECT_EQ(draw.study.task, "draw");
  EXPECT_EQ(enlarge.study.task, "enlarge");
  EXPECT_EQ(enlarge.study.task_kind, "super-resolution");
  EXPECT_EQ(draw.study.choice->metric.name, "fid");
  EXPECT_EQ(enlarge.study.choice->metric.name, "clip_score");
  // Lower is better there, higher is better here.
  EXPECT_EQ(draw.answers[kGflopsAxis].back().best.point->model, "big");
  EXPECT_EQ(enlarge.answers[kGflopsAxis].back().best.point->model, "small");
}

TEST(Tasks, ShareNoPointGroupOrUnitOfCost) {
  const Report report = make_report(two_tasks().data());

  std::set<std::string> ids;
  for (const TaskReport& task : report.tasks) {
    EXPECT_EQ(task.study.points.size(), 2U);
    // Each counts its own dearest call as 1.
    EXPECT_EQ(task.study.points[1].costs[2], 10.0);
    for (const Group& group : task.study.groups) {
      EXPECT_TRUE(ids.insert(group.id).second) << "a group belongs to two tasks";
      EXPECT_EQ(group.scores.size(), 2U);
    }
  }
}

TEST(Tasks, AreToldApartByTheirDataWhereTheyAreCalledAlike) {
  ReportDataBuilder builder;
  builder.cell({.fid = 20, .prompts = "cats"}).cell({.fid = 5, .prompts = "dogs"});
  ReportData data = builder.data();
  data.input_names[sha256("cats").name()] = "cats.jsonl";
  data.input_names[sha256("dogs").name()] = "dogs.jsonl";

  const Report report = make_report(std::move(data));

  ASSERT_EQ(report.tasks.size(), 2U);
  EXPECT_EQ(report.tasks[0].study.task, "Text to image of cats.jsonl");
  EXPECT_EQ(report.tasks[1].study.task, "Text to image of dogs.jsonl");
  EXPECT_NE(report.tasks[0].study.task_id, report.tasks[1].study.task_id);
}

// Equal prompts, method and size, but other pictures to begin with.
TEST(Tasks, AreToldApartByTheItemsThatTheyBeginWith) {
  ReportDataBuilder builder;
  for (const char* pictures : {"cats", "dogs"}) {
    builder.cell({.task = "enlarge", .method = "concat-sr"});
    SampleSpec sample = *builder.last().sample;
    sample.items.kind = "files";
    sample.items.inputs = {{"source", sha256(pictures).name()}};
    builder.last().sample = std::move(sample);
  }

  EXPECT_EQ(make_report(builder.data()).tasks.size(), 2U);
}

TEST(Tasks, OfAStudyAndItsFinalistsAreOne) {
  ReportDataBuilder builder;
  builder.cell({.fid = 20, .task = "draw"});
  builder.cell({.experiment = "finalists", .fid = 22, .images = {512, 4608}, .task = "draw"});

  EXPECT_EQ(make_report(builder.data()).tasks.size(), 1U);
}

TEST(Ranking, FallsBackToTheNextMetricWhileTheFirstHasNoValue) {
  ReportDataBuilder builder;
  builder.cell({.metric = "clip_score", .more = {{"fid", 20}}});
  builder.last().scores[0].value.reset();

  EXPECT_EQ(make_study(builder.data()).choice->metric.name, "fid");
}

TEST(Pictures, StandBesideWhatTheyWereMadeFrom) {
  ReportDataBuilder builder = two_tasks();
  ReportData data = builder.data();
  for (Cell& cell : data.cells)
    for (std::uint64_t i = 0; i < 2; ++i)
      cell.pictures.push_back({i, sha256(cell.sample_key + std::to_string(i))});
  const auto found = std::find_if(data.cells.begin(), data.cells.end(),
                                  [](const Cell& cell) { return cell.sample->task == "x4"; });
  auto& items = data.items[data_of(*found->sample)];
  items.push_back({0, tasks::Slot::kSource, sha256("source 0")});
  items.push_back({1, tasks::Slot::kSource, sha256("source 1")});
  items.push_back({1, tasks::Slot::kTarget, sha256("target 1")});

  const Report report = make_report(std::move(data));

  EXPECT_TRUE(item_rows(report.tasks[0].study, {0, 1}).empty());
  const auto rows = item_rows(report.tasks[1].study, {0, 1});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].slot, tasks::Slot::kSource);
  EXPECT_THAT(rows[0].pictures, ElementsAre(sha256("source 0"), sha256("source 1")));
  EXPECT_EQ(rows[1].slot, tasks::Slot::kTarget);
  EXPECT_THAT(rows[1].pictures, ElementsAre(std::nullopt, sha256("target 1")));
}

TEST(Pictures, AreShownBySizeByStepsAndByGuidance) {
  ReportDataBuilder builder;
  for (const double gflops : {1.0, 4.0})
    for (const std::uint64_t steps : {4U, 10U})
      for (const double guidance : {2.0, 5.0}) {
        builder.cell({.model = gflops == 1 ? "small" : "big",
                      .steps = steps,
                      .guidance = guidance,
                      .gflops_per_call = gflops,
                      .fid = 30 - gflops - static_cast<double>(steps) + guidance});
        builder.last().pictures = {{0, sha256(builder.last().sample_key)}};
      }

  const Report report = make_report(builder.data());

  std::vector<std::string> titles;
  std::vector<std::size_t> rows;
  for (const PictureBlock& block : report.tasks[0].pictures) {
    if (block.kind == PictureBlock::Kind::kEqualCost) continue;
    titles.push_back(block.title);
    rows.push_back(block.rows.size());
  }
  EXPECT_THAT(titles,
              ElementsAre("By size: DDIM trailing, 10 steps", "By steps: big, DDIM trailing",
                          "By guidance: big, DDIM trailing, 10 steps"));
  EXPECT_THAT(rows, ElementsAre(2U, 2U, 2U));
}

}  // namespace
}  // namespace isocost::report

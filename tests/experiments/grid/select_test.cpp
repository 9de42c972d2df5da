#include "experiments/grid/select.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/grid/expand.h"
#include "experiments/grid/grid.h"
#include "tests/experiments/grid/fake_catalog.h"
#include "tests/experiments/grid/small_grid.h"

namespace isocost::experiments {
namespace {

using ::testing::HasSubstr;

JudgedPoint point_of(const std::string& model, double value, const std::string& task = "") {
  Json labels = {{"model", model}, {"sampler", "ddim"}, {"steps", 4}};
  if (!task.empty()) labels["task"] = task;
  return {labels, value, 64};
}

TEST(Select, WritesAGridOfTheBestPointsThatIsJudgedOnOtherImages) {
  const std::string text = grid_text(
      "  model: [models/a, models/b]\n  sampler: [ddim]\n  steps: [4, 10]\n  guidance: [1.5, 3]\n");
  std::vector<JudgedPoint> judged;
  double value = 0;
  for (const char* model : {"a", "b"}) {
    for (const int steps : {4, 10}) {
      for (const double guidance : {1.5, 3.0}) {
        judged.push_back(
            {{{"model", model}, {"sampler", "ddim"}, {"steps", steps}, {"guidance", guidance}},
             value += 1,
             64});
      }
    }
  }

  testing::FakeCatalog catalog;
  const auto written = select_grid(text, judged,
                                   {.metric = "fid",
                                    .per = {"model", "steps"},
                                    .top = 1,
                                    .images = 256,
                                    .command = "isocost select"},
                                   catalog);

  ASSERT_TRUE(written) << written.error().message();
  const Grid finalists = parsed(*written);
  EXPECT_EQ(finalists.name, "study-finalists");
  EXPECT_EQ(finalists.tasks.front().images, 256U);
  EXPECT_EQ(finalists.tasks.front().judge_from, 64U);
  ASSERT_EQ(points(finalists)->size(), 4U);
  EXPECT_EQ(points(finalists)->at(0, 0).value, "models/a");
  EXPECT_EQ(points(finalists)->at(0, 3).value, 1.5);
}

TEST(Select, RefusesToJudgeOnTheImagesThatChose) {
  testing::FakeCatalog catalog;
  const auto written = select_grid(
      grid_text(kAxes),
      {{{{"model", "a"}, {"sampler", "ddim"}, {"steps", 4}, {"guidance", 3}}, 1, 64}},
      {.metric = "fid", .per = {"modle"}, .top = 1, .images = 64, .command = ""}, catalog);

  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().errors.size(), 2U);
}

TEST(Select, ResolvesPatternsAndWritesTheValuesThatChoseAsComments) {
  testing::FakeCatalog catalog;
  const auto written =
      select_grid(grid_text("  model: \"models/*\"\n  sampler: ddim\n  steps: 4\n"),
                  {point_of("a", 2.25), point_of("b", 1.5)},
                  {.metric = "fid", .images = 128, .command = "isocost select"}, catalog);

  ASSERT_TRUE(written) << written.error().message();
  EXPECT_THAT(*written, HasSubstr("#   fid 1.5, model b, sampler ddim, steps 4\n"));
  EXPECT_EQ(points(parsed(*written))->at(0, 0).value, "models/b");
}

TEST(Select, SaysThatAModelIsNotBesideTheGrid) {
  testing::FakeCatalog catalog;
  const auto written =
      select_grid(grid_text("  model: \"models/*\"\n  sampler: ddim\n  steps: 4\n"),
                  {point_of("c", 2.25)}, {.metric = "fid", .images = 128, .command = ""}, catalog);

  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message(), HasSubstr("--grid FILE"));
}

TEST(Select, RewritesNamesOfFilesForAnotherFolder) {
  testing::FakeCatalog catalog;
  const auto written = select_grid(
      "name: study\naxes:\n  model: models/*\n  sampler: ddim\n  steps: 4\n"
      "prompts: {file: prompts.jsonl}\nimages: 64\nmetrics:\n"
      "  - fid: {extractor: /net/e.pt, reference: {folder: pictures}}\n  - clip_score\n",
      {point_of("a", 2)},
      {.metric = "fid", .images = 128, .command = "", .grid_folder = "/s", .out_folder = "/s/out"},
      catalog);

  const auto here =
      select_grid(grid_text("  model: models/*\n  sampler: ddim\n  steps: 4\n"), {point_of("a", 2)},
                  {.metric = "fid", .images = 128, .grid_folder = "", .out_folder = "./"}, catalog);

  ASSERT_TRUE(here) << here.error().message();
  EXPECT_EQ(points(parsed(*here))->at(0, 0).value, "models/a");
  ASSERT_TRUE(written) << written.error().message();
  const Grid finalists = parsed(*written);
  EXPECT_EQ(points(finalists)->at(0, 0).value, "../models/a");
  EXPECT_EQ(finalists.tasks[0].prompts.file, "../prompts.jsonl");
  EXPECT_EQ(finalists.tasks[0].metrics[0].reference->path, "../pictures");
  EXPECT_EQ(finalists.tasks[0].metrics[0].extractor.name, "/net/e.pt");
  EXPECT_EQ(finalists.tasks[0].metrics[1].extractor.name, "mini/clip");
}

TEST(Select, JudgesEachTaskByItself) {
  const std::string text =
      "name: study\naxes:\n  model: models/a\n  sampler: ddim\n  steps: 4\n"
      "tasks:\n  cats: {prompts: [a cat]}\n  dogs: {prompts: [a dog], images: 32}\n"
      "images: 64\nmetrics: [clip_score]\n";
  testing::FakeCatalog catalog;
  std::vector<JudgedPoint> judged = {point_of("a", 2, "cats"), point_of("a", 3, "dogs")};
  judged[1].judged_to = 32;
  SelectOptions options{.metric = "fid", .images = 128, .command = ""};

  const auto mixed = select_grid(text, judged, options, catalog);
  options.per = {"task"};
  const auto apart = select_grid(text, judged, options, catalog);

  ASSERT_FALSE(mixed);
  EXPECT_THAT(mixed.error().message(), HasSubstr("do not compare"));
  ASSERT_TRUE(apart) << apart.error().message();
  const Grid finalists = parsed(*apart);
  EXPECT_EQ(points(finalists)->size(), 2U);
  EXPECT_EQ(finalists.tasks[0].judge_from, 64U);
  EXPECT_EQ(finalists.tasks[1].judge_from, 32U);
  EXPECT_EQ(finalists.tasks[1].images, 128U);
}

TEST(Select, KeepsTasksWithTheirItemsModelsAndParameters) {
  testing::FakeCatalog catalog;
  const std::string text =
      "name: study\naxes:\n  model: models/a\n  sampler: ddim\n  steps: 4\n  strength: [0.5, 1]\n"
      "tasks:\n  draw: {prompts: [a cat]}\n"
      "  vary: {kind: editing, method: sdedit, model: \"editors/{name}\", data: {folder: edits}}\n"
      "  paint: {kind: editing, method: inpaint, model: \"{model}-in\", data: {folder: edits}}\n"
      "images: 64\nmetrics: [clip_score]\n";
  JudgedPoint varied = point_of("a", 3, "vary");
  varied.labels["strength"] = 0.5;

  const auto written = select_grid(text, {point_of("a", 2, "draw"), varied},
                                   {.metric = "clip_score",
                                    .per = {"task"},
                                    .images = 128,
                                    .command = "",
                                    .grid_folder = "/s",
                                    .out_folder = "/s/out"},
                                   catalog);

  ASSERT_TRUE(written) << written.error().message();
  const Grid finalists = parsed(*written);
  EXPECT_EQ(points(finalists)->size(), 2U);
  EXPECT_TRUE(points(finalists)->at(0, 3).value.is_null());  // drawing has no strength
  EXPECT_EQ(points(finalists)->at(1, 3).value, 0.5);
  EXPECT_EQ(finalists.tasks[1].data->folder, "../edits");
  EXPECT_EQ(finalists.tasks[1].model, "../editors/{name}");
  EXPECT_EQ(finalists.tasks[2].model, "{model}-in");
}

// What only other tasks have is no axis of the finalists', nor a default: either would be refused.
TEST(Select, LeavesOutWhatNoChosenTaskHas) {
  testing::FakeCatalog catalog;
  const std::string text =
      "name: study\naxes:\n  model: models/a\n  sampler: ddim\n  steps: 4\n  guidance: 3\n"
      "  strength: [0.5, 1]\ndefaults: {image_guidance: 2}\n"
      "tasks:\n  draw: {prompts: [a cat]}\n"
      "  vary: {kind: editing, method: sdedit, data: {folder: edits}}\n"
      "  obey: {kind: editing, method: instruct, data: {folder: edits}}\n"
      "images: 64\nmetrics: [clip_score]\n";
  JudgedPoint drawn = point_of("a", 2, "draw"), other = point_of("a", 1, "draw");
  drawn.labels["guidance"] = other.labels["guidance"] = 3;

  const auto written = select_grid(
      text, {drawn, other},
      {.metric = "clip_score", .per = {"task"}, .top = 2, .images = 128, .command = ""}, catalog);

  ASSERT_TRUE(written) << written.error().message();
  const Grid finalists = parsed(*written);
  EXPECT_EQ(finalists.axes.size(), 5U);  // model, sampler, steps, guidance, task
  EXPECT_EQ(finalists.zips.at(0).size(), 5U);
  EXPECT_TRUE(finalists.defaults.empty());
  std::vector<std::string> notes;
  const auto submission = expand(finalists, catalog, notes);
  EXPECT_TRUE(submission) << submission.error().message();
}

TEST(Select, KeepsTheAxesThatAUserNamed) {
  testing::FakeCatalog catalog;
  JudgedPoint point = point_of("a", 2);
  point.labels["size"] = 96;
  const auto written =
      select_grid(grid_text("  model: models/a\n  sampler: ddim\n  steps: 4\n"
                            "  size: {sets: [height, width], values: [64, 96]}\n"),
                  {point}, {.metric = "fid", .images = 128, .command = ""}, catalog);

  ASSERT_TRUE(written) << written.error().message();
  const Grid finalists = parsed(*written);
  EXPECT_EQ(finalists.axes[3].paths, (std::vector<std::string>{"height", "width"}));
  EXPECT_EQ(points(finalists)->at(0, 3).value, 96);
}

}  // namespace
}  // namespace isocost::experiments

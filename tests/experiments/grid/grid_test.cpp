#include "experiments/grid/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "experiments/grid/expand.h"
#include "schema/metrics/metric.h"
#include "tests/experiments/grid/fake_catalog.h"
#include "tests/experiments/grid/small_grid.h"

namespace isocost::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> lines_of(const Failure& failure) {
  std::vector<std::string> lines;
  for (const Error& error : failure.errors) lines.push_back(error.message());
  return lines;
}

std::vector<Json> values_of(const Grid& grid, std::size_t axis) {
  std::vector<Json> values;
  for (const Placed& value : grid.axes[axis].values) values.push_back(value.value);
  return values;
}

TEST(Grid, SpansTheProductOfItsAxes) {
  EXPECT_EQ(points(parsed(grid_text(kAxes)))->size(), 2U * 2 * 4 * 2);
}

TEST(Grid, ReadsRangesByStepByCountAndByLogarithm) {
  const Grid grid =
      parsed(grid_text("  model: models/a\n  sampler: ddim\n  steps: {from: 4, to: 10, step: 2}\n  "
                       "guidance: {from: 1, to: 2, count: 3}\n"
                       "  seed: {from: 1, to: 100, count: 3, log: true}\n"));

  EXPECT_THAT(values_of(grid, 2), ElementsAre(4, 6, 8, 10));
  EXPECT_THAT(values_of(grid, 3), ElementsAre(1, 1.5, 2));
  EXPECT_THAT(values_of(grid, 4), ElementsAre(1, 10, 100));
}

// Ends so far apart that their difference is infinite, and a step that is lost in them.
TEST(Grid, RefusesRangesThatNoDoubleSpans) {
  for (const std::string range :
       {"{from: -1e308, to: 1e308, count: 3}", "{from: 1e-300, to: 1e300, count: 2, log: true}",
        "{from: -1e308, to: 1e308, step: 1}", "{from: 1, to: 1e999, count: 2}"}) {
    const auto grid = parse_grid(
        grid_text("  model: models/a\n  sampler: ddim\n  steps: 4\n  guidance: " + range + "\n"),
        "g.yaml");
    EXPECT_FALSE(grid) << range;
  }
  const Grid grid =
      parsed(grid_text("  model: models/a\n  sampler: ddim\n  steps: 4\n"
                       "  guidance: 1\n  seed: {from: 1e14, to: 1e14, step: 1e-5}\n"));
  EXPECT_EQ(values_of(grid, 4).size(), 1U);
}

TEST(Grid, RefusesWhatIsNotUtf8) {
  const auto grid = parse_grid("name: caf\xE9\n" + grid_text(kAxes), "g.yaml");

  ASSERT_FALSE(grid);
  EXPECT_THAT(grid.error().message(), HasSubstr("not UTF-8"));
}

TEST(Grid, MovesZippedAxesTogether) {
  const Grid grid =
      parsed(grid_text("  model: [models/a]\n  sampler: [ddim, ddim, ddpm]\n  timestep_spacing: "
                       "[leading, trailing, trailing]\n  steps: [4, 6]\n",
                       "zip: [[sampler, timestep_spacing]]\n"));

  EXPECT_EQ(points(grid)->size(), 3U * 2);
}

TEST(Grid, ExcludesByConditionsOnNumbersAsCountingByHandDoes) {
  const Grid grid = parsed(grid_text(
      kAxes, "exclude: [{sampler: dpmpp-2m, steps: \"> 20\"}, {guidance: 3, steps: [4, 10]}]\n"));

  std::size_t expected = 0;
  for (const std::string sampler : {"ddim", "dpmpp-2m"}) {
    for (const int steps : {4, 10, 20, 50}) {
      for (const double guidance : {1.5, 3.0}) {
        const bool first = sampler == "dpmpp-2m" && steps > 20;
        const bool second = guidance == 3 && (steps == 4 || steps == 10);
        expected += first || second ? 0U : 2U;
      }
    }
  }
  EXPECT_EQ(points(grid)->size(), expected);
}

TEST(Grid, IncludesPointsThatTheProductDoesNotHaveAndNoneTwice) {
  const Grid grid = parsed(
      grid_text(kAxes, "include: [{model: models/a, steps: 100, sampler: ddim}, {steps: 4}]\n"));

  EXPECT_EQ(points(grid)->size(), 32U + 2U);
}

TEST(Grid, TellsEveryFaultAtItsPlaceInReadingOrder) {
  const auto grid = parse_grid(
      "name: bad\naxes:\n  modle: [x]\n  model: [models/a]\n  sampler: [dimm, ddim]\n  steps: [4, "
      "0]\n  guidance: []\n"
      "imges: 12\nimages: 64\nprompts: {world: validaton}\nmetrics: [fid, fdi]\nexclude: [{stps: "
      "\">3\"}]\n",
      "bad.yaml");

  ASSERT_FALSE(grid);
  EXPECT_THAT(
      lines_of(grid.error()),
      ElementsAre(
          "bad.yaml:3:3: unknown axis 'modle'; expected 'model'?",
          "bad.yaml:5:13: unknown sampler \"dimm\"; expected one of: ddim, ddpm, dpmpp-2m, euler",
          "bad.yaml:6:14: the value 0 of axis 'steps' does not fit; expected a whole number from 1 "
          "to 1000",
          "bad.yaml:7:13: the axis 'guidance' is empty; expected at least one value",
          "bad.yaml:8:1: unknown key 'imges' in the grid; expected 'images'?",
          "bad.yaml:10:18: unknown split 'validaton'; expected one of: train, validation, test",
          "bad.yaml:11:16: unknown metric 'fdi'; expected one of: " +
              joined(metrics::metric_names()),
          "bad.yaml:12:18: the axis 'stps' is not in this grid; expected 'steps'?"));
}

TEST(Grid, SaysWhereTheYamlBreaks) {
  const auto grid = parse_grid("name: [a\nimages: 3\n", "g.yaml");

  ASSERT_FALSE(grid);
  EXPECT_THAT(grid.error().message(), HasSubstr("g.yaml:2:"));
}

TEST(Grid, SurvivesWhateverBytesComeAsAGrid) {
  std::mt19937_64 chance(7);
  const std::string sound = grid_text(kAxes);
  for (int run = 0; run < 300; ++run) {
    std::string text = sound;
    for (int edit = 0; edit < 6; ++edit)
      text[chance() % text.size()] = static_cast<char>(chance() % 128);
    const auto grid = parse_grid(text, "g.yaml");
    if (grid) (void)points(*grid);
  }
}

TEST(Grid, RefusesAnAliasThatAmountsToMillions) {
  std::string text = grid_text(kAxes);
  text.replace(text.find("metrics: [clip_score]"), 21,
               "metrics:\n  - clip_score:\n      protocol:\n        scale:\n"
               "        - &a0 [1, 1, 1, 1, 1, 1, 1, 1]");
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "        - &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 7; ++k) text += ", " + before;
    text += "]\n";
  }

  const auto grid = parse_grid(text, "g.yaml");

  ASSERT_FALSE(grid);
  EXPECT_THAT(grid.error().message(), HasSubstr("too many values"));
}

TEST(Grid, ChecksTheValuesThatIncludeNames) {
  const auto grid =
      parse_grid(grid_text(kAxes, "include: [{guidance: abc}, {model: 3}]\n"), "g.yaml");

  ASSERT_FALSE(grid);
  EXPECT_EQ(grid.error().errors.size(), 2U);
}

TEST(Expand, ChecksZipsAgainOncePatternsAreResolved) {
  testing::FakeCatalog catalog;
  const auto submission =
      expand(parsed(grid_text("  model: [\"models/*\"]\n  sampler: ddim\n  steps: [4]\n",
                              "zip: [[model, steps]]\n")),
             catalog);

  ASSERT_FALSE(submission);
  EXPECT_THAT(submission.error().message(), HasSubstr("once its patterns are resolved"));
}

TEST(Expand, GivesTheSameSubmissionEveryTime) {
  testing::FakeCatalog catalog;
  const Grid grid = parsed(grid_text(kAxes));

  EXPECT_EQ(canonical(to_json(*expand(grid, catalog))), canonical(to_json(*expand(grid, catalog))));
}

TEST(Expand, DropsWhatHasNoEffectFromTheKey) {
  testing::FakeCatalog catalog;
  const auto submission = expand(
      parsed(grid_text("  model: models/a\n  sampler: ddim\n  steps: 4\n  guidance: [0.5, 1]\n",
                       "negative_prompt: ugly\n")),
      catalog);

  ASSERT_TRUE(submission) << submission.error().message();
  ASSERT_EQ(submission->cells.size(), 2U);
  EXPECT_EQ(sample_key(submission->cells[0].sample), sample_key(submission->cells[1].sample));
  EXPECT_EQ(submission->cells[0].cost.calls_per_image, 4U);
}

TEST(Expand, CountsTheSecondCallOfGuidance) {
  testing::FakeCatalog catalog;
  const auto submission =
      expand(parsed(grid_text("  model: models/a\n  sampler: ddim\n  steps: 6\n  guidance: 3\n")),
             catalog);

  EXPECT_EQ(submission->cells[0].cost.calls_per_image, 12U);
}

TEST(Expand, LeavesTheNumberOfImagesOutOfTheSampleKey) {
  testing::FakeCatalog catalog;
  Grid grid = parsed(grid_text(kAxes));
  const auto few = expand(grid, catalog);
  grid.tasks.front().images = 4096;
  const auto many = expand(grid, catalog);

  EXPECT_EQ(sample_key(few->cells[3].sample), sample_key(many->cells[3].sample));
}

TEST(Expand, FindsTheModelsOfAPattern) {
  testing::FakeCatalog catalog;
  const auto submission =
      expand(parsed(grid_text("  model: \"models/*\"\n  sampler: ddim\n  steps: 4\n")), catalog);

  ASSERT_TRUE(submission);
  EXPECT_EQ(submission->cells.size(), 2U);
  EXPECT_EQ(submission->cells[1].labels["model"], "b");
}

TEST(Expand, SetsAParameterByItsPath) {
  testing::FakeCatalog catalog;
  const auto submission = expand(
      parsed(
          grid_text("  model: models/a\n  sampler: ddim\n  steps: 4\n  sampler.eta: [0, 0.5]\n")),
      catalog);

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells[1].sample.sampler["eta"], 0.5);
}

TEST(Expand, SaysWhichOptionASamplerDoesNotHave) {
  testing::FakeCatalog catalog;
  const auto submission = expand(
      parsed(grid_text("  model: models/a\n  sampler: ddpm\n  steps: 4\n  sampler.eta: [0.5]\n")),
      catalog);

  ASSERT_FALSE(submission);
  EXPECT_THAT(submission.error().message(), HasSubstr("eta"));
}

TEST(Expand, NamesEveryMissingModelAndInput) {
  testing::FakeCatalog catalog;
  const auto submission = expand(
      parsed("name: s\naxes:\n  model: [nothing/here, models/a]\n  sampler: ddim\n  steps: "
             "4\nprompts: {file: prompts.jsonl}\n"
             "images: 64\nmetrics:\n  - fid: {extractor: missing.pt, reference: {folder: ref}}\n"),
      catalog);

  ASSERT_FALSE(submission);
  EXPECT_THAT(submission.error().message(),
              HasSubstr("g.yaml:3:11: the model 'nothing/here' is missing"));
  EXPECT_THAT(submission.error().message(), HasSubstr("missing.pt"));
}

TEST(Expand, TellsModelsOfTheSameNameApartByTheirFolders) {
  testing::FakeCatalog catalog;
  const auto submission = expand(
      parsed(grid_text("  model: [models/a, models/b, other/a]\n  sampler: ddim\n  steps: 4\n")),
      catalog);

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->cells[0].labels["model"], "models/a");
  EXPECT_EQ(submission->cells[1].labels["model"], "b");
  EXPECT_EQ(submission->cells[2].labels["model"], "other/a");
}

}  // namespace
}  // namespace isocost::experiments

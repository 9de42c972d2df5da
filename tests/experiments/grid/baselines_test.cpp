// Cells that no network draws: which a grid puts beside its tasks, what is in their keys, and what
// is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/grid/expand.h"
#include "experiments/world/scene_range.h"
#include "schema/tasks/baseline.h"
#include "tests/experiments/grid/fake_catalog.h"

namespace isocost::experiments {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BaselinesTest : public ::testing::Test {
 protected:
  Result<Submission> expanded(const std::string& text) {
    const auto grid = parse_grid(text, "g.yaml");
    if (!grid) return fail(grid.error());
    std::vector<std::string> notes;
    return expand(*grid, catalog_, notes);
  }
  std::vector<CellRequest> baselines(const std::string& text) {
    auto submission = expanded(text);
    EXPECT_TRUE(submission) << submission.error().message();
    std::vector<CellRequest> cells;
    if (submission)
      for (CellRequest& cell : submission->cells)
        if (tasks::find_baseline(cell.sample.task) != nullptr) cells.push_back(std::move(cell));
    return cells;
  }
  std::string fault(const std::string& text) {
    const auto submission = expanded(text);
    return submission ? "no fault" : submission.error().message();
  }

  testing::FakeCatalog catalog_;
};

const std::string kTwoModels =
    "name: study\naxes:\n  model: [models/a, models/b]\n  sampler: [ddim, euler]\n  steps: [4, 8]\n"
    "  guidance: [1, 3]\nheight: 64\nwidth: 64\nimages: 16\nmetrics: [fid: {reference: {folder: "
    "real}}]\n";

TEST_F(BaselinesTest, StandOnceATaskAndAutoencoderBehindAllCellsThatAreDrawn) {
  const auto submission = expanded(
      kTwoModels +
      "prompts: {world: validation, count: 16, seed: 3}\nbaselines: [real, reconstruction]\n");

  ASSERT_TRUE(submission) << submission.error().message();
  ASSERT_EQ(submission->cells.size(), 16U + 3U);
  const CellRequest &drawn = submission->cells[0], &real = submission->cells[16];
  EXPECT_EQ(real.labels, Json({{"baseline", "real"}}));
  EXPECT_EQ(real.sample.task, "real");
  EXPECT_EQ(real.sample.parameters, Json({{"task", "text-to-image"}}));
  EXPECT_TRUE(real.sample.inputs.empty());
  EXPECT_TRUE(real.sample.sampler.empty());
  EXPECT_EQ(real.sample.prompts, drawn.sample.prompts);
  EXPECT_EQ(real.sample.items.kind, "world");
  EXPECT_EQ(real.sample.items.options, world::scene_options("validation", 16, 3));
  EXPECT_EQ(real.scores, drawn.scores);
  EXPECT_EQ(real.images, drawn.images);
  EXPECT_EQ(gflops_an_image(real.cost), 0);
  // Each model here has an autoencoder of its own.
  const CellRequest &a = submission->cells[17], &b = submission->cells[18];
  EXPECT_EQ(a.labels, Json({{"baseline", "reconstruction"}, {"autoencoder", "models/a/vae"}}));
  EXPECT_EQ(a.sample.inputs,
            (std::map<std::string, std::string>{{"vae", sha256("models/avae").name()}}));
  EXPECT_EQ(b.labels["autoencoder"], "models/b/vae");
  EXPECT_GT(a.cost.gflops_encode, 0);
  EXPECT_EQ(a.cost.calls_per_image, 0U);
  // They change no cell beside them.
  const auto without = expanded(kTwoModels + "prompts: {world: validation, count: 16, seed: 3}\n");
  ASSERT_TRUE(without) << without.error().message();
  EXPECT_EQ(sample_key(without->cells[5].sample), sample_key(submission->cells[5].sample));
}

TEST_F(BaselinesTest, OfTheGridStandBesideTheTasksThatTheyFit) {
  const auto cells =
      baselines(kTwoModels +
                "baselines: [reconstruction, bicubic]\ntasks:\n"
                "  enlarge: {kind: super-resolution, data: {folder: photos}, factor: 4, "
                "baselines: [mean]}\n"
                "  larger: {kind: super-resolution, data: {folder: photos}, factor: 8}\n"
                "  obey: {kind: editing, method: instruct, data: {folder: edits}}\n");

  std::vector<std::string> names;
  for (const CellRequest& cell : cells)
    names.push_back(cell.labels["task"].get<std::string>() + " " + cell.sample.task);
  ASSERT_THAT(names,
              ElementsAre("enlarge mean", "larger reconstruction", "larger bicubic",
                          "obey reconstruction", "larger reconstruction", "obey reconstruction"));
  EXPECT_EQ(cells[2].sample.items.factor, 8);
  // The target, which nothing else of an edit reads, is in the key of what is made of it.
  EXPECT_EQ(cells[3].sample.items.inputs.at("target"), sha256("editstarget_file_name").name());
}

TEST_F(BaselinesTest, AreRefusedWhereTheyFitNothing) {
  const std::string world = "prompts: {world: validation, count: 16}\n";
  EXPECT_THAT(fault(kTwoModels + world + "baselines: [bicubic]\n"),
              AllOf(HasSubstr("g.yaml:12:13"), HasSubstr("baseline"), HasSubstr("real")));
  EXPECT_THAT(fault(kTwoModels + world + "baselines: real\n"), HasSubstr("baselines is no list"));
  EXPECT_THAT(fault(kTwoModels + world + "baselines: [mean, mean]\n"),
              HasSubstr("'mean' stands twice"));
  EXPECT_THAT(fault(kTwoModels + "prompts: {file: prompts.jsonl}\nbaselines: [real]\n"),
              HasSubstr("the baseline 'real' is made of the target of each image, which these "
                        "prompts have not; expected prompts: {world: SPLIT}"));
  EXPECT_THAT(fault(kTwoModels +
                    "baselines: [source]\ntasks:\n"
                    "  enlarge: {kind: super-resolution, data: {folder: photos}, factor: 4}\n"),
              HasSubstr("'source' fits no task that takes the grid's baselines"));
  std::string large = kTwoModels;
  large.replace(large.find("height: 64"), 10, "height: 128");
  EXPECT_THAT(fault(large + world + "baselines: [real]\n"),
              HasSubstr("pictures of 128 x 64 pixels have no baselines"));
}

}  // namespace
}  // namespace isocost::experiments

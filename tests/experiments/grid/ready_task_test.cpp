// What a grid's metrics, references and prompts are told at once, and not after hours of sampling.
#include "experiments/grid/ready_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/grid/expand.h"
#include "tests/experiments/grid/fake_catalog.h"
#include "tests/experiments/grid/small_grid.h"

namespace isocost::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReadyTaskTest : public ::testing::Test {
 protected:
  Result<Submission> submission_of(const std::string& images, const std::string& metrics,
                                   const std::string& prompts = "[a cat]") {
    const auto grid = parse_grid(
        "name: g\naxes:\n  model: models/a\n  sampler: ddim\n  steps: 4\nprompts: " + prompts +
            "\n" + images + "\nmetrics:\n" + metrics,
        "g.yaml");
    if (!grid) return fail(grid.error());
    notes_.clear();
    return expand(*grid, catalog_, notes_);
  }
  std::string fault(const std::string& images, const std::string& metrics,
                    const std::string& prompts = "[a cat]") {
    const auto submission = submission_of(images, metrics, prompts);
    return submission ? "no fault" : submission.error().message();
  }

  testing::FakeCatalog catalog_;
  std::vector<std::string> notes_;
};

TEST_F(ReadyTaskTest, RefusesMetricsOfTooFewImages) {
  EXPECT_EQ(fault("images: 7", "  - fid\n"),
            "g.yaml:9:5: fid has 7 images to judge; expected 8 or more: images, less judge_from");
  EXPECT_EQ(fault("images: 20\njudge_from: 16", "  - kid\n"),
            "g.yaml:10:5: kid has 4 images to judge, those from 16 to 20; expected 8 or more: "
            "images, less judge_from");
  EXPECT_THAT(fault("images: 1", "  - clip_score\n"),
              HasSubstr("clip_score has 1 images to judge; expected 2 or more"));
  EXPECT_EQ(fault("images: 8", "  - fid\n  - kid\n"), "no fault");
  EXPECT_THAT(
      fault("images: 30", "  - inception_score: {extractor: n.pt, protocol: {splits: 16}}\n"),
      HasSubstr("inception_score has 30 images to judge; expected 32 or more"));
}

// Prompts have no pictures beside them.
TEST_F(ReadyTaskTest, RefusesMetricsOfWhatTheItemsHaveNot) {
  EXPECT_EQ(fault("images: 16", "  - psnr\n"),
            "g.yaml:9:5: psnr needs the target of each image, which items of text-to-image have "
            "not; expected a task whose data has it, or another metric");
  const std::string message =
      fault("images: 16", "  - outside_mask\n  - clip_directional: {extractor: models/clip}\n");
  EXPECT_THAT(message, HasSubstr("outside_mask needs the source of each image"));
  EXPECT_THAT(message, HasSubstr("outside_mask needs the mask of each image"));
  EXPECT_THAT(message, HasSubstr("g.yaml:10:5: clip_directional needs the source's text"));
  EXPECT_EQ(fault("images: 16", "  - clip_t: {extractor: models/clip}\n"), "no fault");
}

TEST_F(ReadyTaskTest, RefusesSubsetsLargerThanTheSmallerSet) {
  const std::string kid = "  - kid: {reference: {world: validation, count: 64}, protocol: ";

  EXPECT_THAT(fault("images: 128", kid + "{subsets: 10, subset_size: 1000}}\n"),
              HasSubstr("the reference of kid has 64 pictures; expected 1000 or more"));
  EXPECT_THAT(fault("images: 128", kid + "{subsets: 10, subset_size: 129}}\n"),
              HasSubstr("kid has 128 images to judge; expected 129 or more"));
  EXPECT_EQ(fault("images: 128", kid + "{subsets: 10, subset_size: 64}}\n"), "no fault");
  EXPECT_EQ(fault("images: 128", kid + "{subsets: 0, subset_size: 1000}}\n"), "no fault");
}

TEST_F(ReadyTaskTest, RefusesAnOptionThatAnotherLeavesWithoutEffect) {
  const std::string kid = "  - kid: {protocol: ";

  const std::string message = fault("images: 128", kid + "{subset_size: 64, seed: 3}}\n");
  EXPECT_THAT(message,
              HasSubstr("g.yaml:9:35: 'subset_size' of kid has no effect without subsets; "
                        "expected 'subsets' beside it: a whole number from 0 to 1000, not 0"));
  EXPECT_THAT(message, HasSubstr("'seed' of kid has no effect without subsets"));
  EXPECT_EQ(fault("images: 128", kid + "{subsets: 2, subset_size: 64, seed: 3}}\n"), "no fault");
}

TEST_F(ReadyTaskTest, RefusesReferencesThatDoNotFitTheirMetricOrExtractor) {
  catalog_.picture_count = 7;
  EXPECT_THAT(fault("images: 16", "  - kid: {reference: {folder: few}}\n"),
              HasSubstr("the reference of kid has 7 pictures; expected 8 or more"));
  catalog_.picture_count = 1'000'000;
  catalog_.columns = 2048;
  EXPECT_THAT(fault("images: 16", "  - kid: {reference: {folder: many}}\n"),
              HasSubstr("the rows of the reference of kid have 8192000000 bytes"));
  catalog_.columns = 64;
  EXPECT_THAT(fault("images: 16", "  - fid: {reference: {npz: inception.npz}}\n"),
              HasSubstr("inception.npz has statistics of 2048 features; expected 64, as many as "
                        "the extractor mini/features gives"));
}

TEST_F(ReadyTaskTest, RefusesSizesThatAnExtractorDoesNotTake) {
  catalog_.side = 64;
  EXPECT_THAT(fault("height: 128\nwidth: 128\nimages: 16", "  - fid\n"),
              HasSubstr("pictures of 128 x 128 pixels do not fit the extractor mini/features; "
                        "expected 64 x 64"));
  catalog_.side = 32;
  EXPECT_THAT(fault("height: 32\nwidth: 32\nimages: 16", "  - fid\n"),
              HasSubstr("pictures of the mini world have 64 x 64 pixels; expected 32 x 32"));
  catalog_.side = 64;
  catalog_.sizes = {{{64, 64}, "0.png"}, {{64, 48}, "1.png"}};
  EXPECT_THAT(fault("height: 64\nwidth: 64\nimages: 16", "  - fid: {reference: {folder: refs}}\n"),
              HasSubstr("refs has 100 pictures, and some of 64 x 48 pixels, first 1.png"));
}

TEST_F(ReadyTaskTest, KnowsHowManyPicturesAReferenceHasAndTellsOfThoseBelow) {
  catalog_.below = 200;
  const auto submission = submission_of("images: 16", "  - fid: {reference: {folder: refs}}\n");

  ASSERT_TRUE(submission) << submission.error().message();
  EXPECT_EQ(submission->references.begin()->second.options, (Json{{"count", 100}}));
  EXPECT_THAT(notes_,
              ElementsAre("the reference refs has 100 pictures; 200 more in sub-folders are not "
                          "read"));
}

// The fake's tokens are bytes, and its text encoder reads 75.
TEST_F(ReadyTaskTest, TellsHowManyPromptsAreCut) {
  const std::string prompts = "[a cat, " + std::string(75, 'b') + ", " + std::string(76, 'c') +
                              ", " + std::string(90, 'd') + "]";

  ASSERT_TRUE(submission_of("images: 16", "  - clip_score\n", prompts));
  EXPECT_THAT(notes_, ElementsAre("2 of 4 prompts of g.yaml are longer than the 75 tokens that the "
                                  "text encoder of a reads: the rest is cut"));
  ASSERT_TRUE(submission_of("images: 16", "  - clip_score\n"));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(ReadyTaskTest, RefusesPromptsThatAreNoCaptionsWhereThoseAreNeeded) {
  EXPECT_THAT(fault("images: 16", "  - attribute_accuracy\n", "[a cat]"),
              HasSubstr("1 of 1 prompts are no captions of the mini world, first 'a cat'"));
  EXPECT_EQ(fault("images: 16", "  - attribute_accuracy\n", "{world: validation, count: 20}"),
            "no fault");
}

}  // namespace
}  // namespace isocost::experiments

// `isocost-worker score` as a person calls it: a line, JSON, sentences and exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/picture.h"
#include "base/json.h"
#include "tests/support/process.h"
#include "tests/worker/diffusion/image/waves.h"

namespace isocost::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class ScoreCommand : public ::testing::Test {
 protected:
  ScoreCommand() {
    for (const char* name : {"made", "real"}) {
      std::filesystem::create_directories(folder_ / name);
      for (int i = 0; i < 3; ++i)
        io::write_png(folder_ / name / ("p" + std::to_string(i) + ".png"),
                      waves(24, 16, (name[0] == 'm' ? .01 : .02) * (i + 1)));
    }
  }
  Finished score(std::vector<std::string> more) {
    std::vector<std::string> command = {program("isocost-worker"), "score", "--pictures",
                                        (folder_ / "made").string()};
    command.insert(command.end(), more.begin(), more.end());
    return run(command, 2min);
  }

  ScratchFolder folder_;
};

TEST_F(ScoreCommand, PrintsOneLine) {
  const Finished done = score({"--metric", "psnr", "--reference", (folder_ / "real").string(),
                               "--set", "crop_border=2", "--set", "channels=y"});

  EXPECT_EQ(done.status, 0);
  EXPECT_THAT(done.output,
              MatchesRegex("psnr [0-9.]+ dB, 95 % interval [0-9.]+ to [0-9.]+ .normal., n 3\n"));
}

TEST_F(ScoreCommand, PrintsJson) {
  const Finished done =
      score({"--metric", "ssim", "--reference", (folder_ / "real").string(), "--json"});

  EXPECT_EQ(done.status, 0);
  const auto json = parse_json(done.output, "output");
  ASSERT_TRUE(json) << done.output;
  EXPECT_EQ(json->at("metric"), "ssim");
  EXPECT_EQ(json->at("n"), 3);
  EXPECT_LT(json->at("value"), 1);
  EXPECT_EQ(json->at("extractor").at("options").at("channels"), "rgb");
}

TEST_F(ScoreCommand, SaysThatEqualPicturesHaveNoEnd) {
  const Finished done = score({"--metric", "psnr", "--reference", (folder_ / "made").string()});

  EXPECT_EQ(done.status, 0);
  EXPECT_THAT(done.output, HasSubstr("3 of 3 pictures equal their targets"));
  EXPECT_THAT(done.output, HasSubstr("psnr infinite dB, no interval, n 3\n"));
}

TEST_F(ScoreCommand, EndsWithASentenceForEachFault) {
  const Finished done = score({"--metric", "lpips", "--set", "a=1"});

  EXPECT_EQ(done.status, 1);
  EXPECT_THAT(done.output, AllOf(HasSubstr("isocost-worker: --extractor: lpips needs one"),
                                 HasSubstr("isocost-worker: --set: 'a' is no option of lpips"),
                                 HasSubstr("isocost-worker: --items: lpips needs of each picture "
                                           "its target")));
  EXPECT_EQ(score({}).status, 2);  // the command line is not understood
}

TEST_F(ScoreCommand, HelpsWithEveryMetric) {
  const Finished help = run({program("isocost-worker"), "score", "--help"}, 1min);

  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.output,
              AllOf(HasSubstr("  clip_directional    higher  --extractor, --items with the source, "
                              "source's text, target's text\n"),
                    HasSubstr("  fid                 lower   --reference\n"),
                    HasSubstr("docs/metrics.md has each metric's definition")));
}

}  // namespace
}  // namespace isocost::testing

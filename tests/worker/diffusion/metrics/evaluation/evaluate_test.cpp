// Metrics of folders and files without a study: what comes out.
#include "tests/worker/diffusion/metrics/evaluation/evaluate_fixture.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::waves;
using ::testing::HasSubstr;

TEST_F(Evaluate, ComparesPicturesWithTargetsOfTheSameNames) {
  pictures("made", 3, .01);
  pictures("real", 5, .02);
  double mean = 0;
  for (int i = 0; i < 3; ++i)
    mean += psnr(waves(16, 16, .01 * (i + 1)), waves(16, 16, .02 * (i + 1))) / 3;

  const Json values = values_of(
      {.words = {.metric = "psnr"}, .pictures = folder_ / "made", .reference = folder_ / "real"});

  EXPECT_NEAR(values.at("value").get<double>(), mean, 1e-9);
  EXPECT_EQ(values.at("n"), 3);
  EXPECT_EQ(values.at("unit"), "dB");
  EXPECT_EQ(values.at("aligned_by"), "names");
  EXPECT_THAT(values.at("notes").dump(), HasSubstr("2 of 5 targets belong to no picture"));
}

TEST_F(Evaluate, ComparesPicturesWithAsManyTargetsInTheirOrder) {
  pictures("made", 2, .01);
  std::filesystem::create_directories(folder_ / "real");
  io::write_png(folder_ / "real/a.png", waves(16, 16, .02));
  io::write_png(folder_ / "real/b.png", waves(16, 16, .04));

  const EvaluationRequest request{
      .words = {.metric = "psnr"}, .pictures = folder_ / "made", .reference = folder_ / "real"};
  const Json values = values_of(request);

  EXPECT_EQ(values.at("aligned_by"), "order");
  EXPECT_NEAR(values.at("value").get<double>(),
              (psnr(waves(16, 16, .01), waves(16, 16, .02)) +
               psnr(waves(16, 16, .02), waves(16, 16, .04))) /
                  2,
              1e-9);
  io::write_png(folder_ / "real/c.png", waves(16, 16, .04));
  EXPECT_THAT(fault(request), HasSubstr("real: it has 3 targets for 2 pictures; expected as many, "
                                        "in the same order, or the same names"));
}

TEST_F(Evaluate, TakesWhatBelongsToEachPictureFromItems) {
  pictures("made", 3, .01);
  const auto edits = items(3);
  const auto value = [&](const MetricWords& words) {
    return values_of({.words = words, .pictures = folder_ / "made", .items = edits})
        .at("value")
        .get<double>();
  };
  double distance = 0, error = 0;
  for (int i = 0; i < 3; ++i) {
    const auto made = waves(16, 16, .01 * (i + 1)), source = waves(16, 16, .02 * (i + 1));
    for (std::size_t p = 0; p < 256; ++p)
      for (std::size_t c = 0; p % 16 >= 8 && c < 3; ++c)
        distance += std::abs(made.rgb[3 * p + c] - source.rgb[3 * p + c]) / 255.0 / (128 * 3) / 3;
    error += psnr(made, waves(16, 16, .03 * (i + 1))) / 3;
  }

  EXPECT_NEAR(value({.metric = "outside_mask"}), distance, 1e-12);
  EXPECT_NEAR(value({.metric = "psnr"}), error, 1e-9);
  for (const char* metric :
       {"clip_i_source", "clip_i_target", "clip_t", "clip_directional", "clip_score"})
    EXPECT_LE(std::abs(value({.metric = metric, .extractor = kClip})), 1) << metric;
  for (const char* metric : {"dino_source", "dino_target"})
    EXPECT_GT(value({.metric = metric, .extractor = kVit}), 0.5) << metric;
}

// The same set twice, and a set far from it.
TEST_F(Evaluate, ComparesSetsOfPictures) {
  const auto made = pictures("made", 8, .01), real = pictures("real", 9, .2);
  for (const char* metric : {"precision", "recall", "density", "coverage", "fid", "kid"}) {
    const MetricWords words{.metric = metric, .extractor = "clip:" + kClip};
    const Json same = values_of({.words = words, .pictures = made, .reference = made});
    const Json other = values_of({.words = words, .pictures = made, .reference = real});
    EXPECT_EQ(other.at("reference_n"), 9) << metric;
    EXPECT_NE(same.at("value"), other.at("value")) << metric;
  }
  for (const MetricWords& words : {MetricWords{.metric = "clip_i", .extractor = kClip},
                                   MetricWords{.metric = "dino", .extractor = "vit:" + kVit}})
    EXPECT_GT(values_of({.words = words, .pictures = made, .reference = made}).at("value"), 0.5);
  EXPECT_NEAR(
      values_of(
          {.words = {.metric = "cmmd", .extractor = kClip}, .pictures = made, .reference = made})
          .at("value")
          .get<double>(),
      0, 1e-9);
}

TEST_F(Evaluate, KeepsRowsAndReadsThem) {
  const auto made = pictures("made", 8, .01), real = pictures("real", 9, .2);
  const MetricWords words{.metric = "cmmd", .extractor = kClip, .settings = {"sigma=2"}};
  const Json of_pictures = values_of({.words = words,
                                      .pictures = made,
                                      .reference = real,
                                      .write_rows = folder_ / "made.safetensors"});
  (void)values_of({.words = words,
                   .pictures = real,
                   .reference = made,
                   .write_rows = folder_ / "real.safetensors"});

  const Json of_rows = values_of({.words = {.metric = "cmmd", .settings = {"sigma=2"}},
                                  .pictures = folder_ / "made.safetensors",
                                  .reference = folder_ / "real.safetensors"});

  EXPECT_EQ(of_rows.at("value"), of_pictures.at("value"));
  EXPECT_EQ(of_rows.at("protocol").at("sigma"), 2);
  EXPECT_TRUE(of_rows.at("extractor").is_null());
  EXPECT_EQ(of_pictures.at("extractor").at("kind"), "clip-whole");
}

TEST_F(Evaluate, ReadsPublishedStatistics) {
  at::manual_seed(1);
  const auto rows = rows_file("rows.safetensors", at::rand({60, 16}));
  const Json values = values_of({.words = {.metric = "fid"},
                                 .pictures = rows,
                                 .reference = kGoldenFolder / "npz/deflated.npz"});
  EXPECT_GT(values.at("value"), 0);
  EXPECT_TRUE(values.at("reference_n").is_null());
  EXPECT_THAT(fault({.words = {.metric = "kid"},
                     .pictures = rows,
                     .reference = kGoldenFolder / "npz/deflated.npz"}),
              HasSubstr("kid needs the rows of its reference"));
}

TEST_F(Evaluate, SetsOptionsOfMetricAndExtractor) {
  pictures("made", 3, .01);
  pictures("real", 3, .02);
  const auto value = [&](MetricWords words) {
    return values_of(
        {.words = std::move(words), .pictures = folder_ / "made", .reference = folder_ / "real"});
  };
  const Json preset = value({.metric = "psnr", .preset = "basicsr-x4-y"});
  EXPECT_EQ(preset.at("extractor").at("options"), (Json{{"crop_border", 4}, {"channels", "y"}}));
  const Json set = value({.metric = "psnr", .settings = {"channels=y", "crop_border=4"}});
  EXPECT_EQ(preset.at("value"), set.at("value"));
  // As a grid does: nothing overrules what somebody says.
  EXPECT_THAT(
      fault({.words = {.metric = "ssim", .preset = "basicsr-x4-y", .settings = {"crop_border=1"}},
             .pictures = folder_ / "made",
             .reference = folder_ / "real"}),
      HasSubstr("--protocol: the protocol basicsr-x4-y says crop_border, which is said "
                "besides; expected one of the two"));
}

TEST_F(Evaluate, ReadsTextsAsAGridDoes) {
  pictures("made", 2, .01);
  pictures("edits", 2, .02);
  const auto value = [&](const std::string& metric, const std::string& more) {
    folder_.write("edits/metadata.jsonl", "{\"file_name\": \"00.png\", " + more +
                                              "}\n{\"file_name\": \"01.png\", " + more + "}\n");
    return values_of({.words = {.metric = metric, .extractor = kClip},
                      .pictures = folder_ / "made",
                      .items = folder_ / "edits"})
        .at("value");
  };
  const std::string plain = R"("source_text": "a red cat", "text": "the blue square")";
  const std::string instruction =
      R"("text": "a red cat", "edit_prompt": "paint it", "target_text": "the blue square")";

  EXPECT_EQ(value("clip_directional", plain), value("clip_directional", instruction));
  EXPECT_EQ(value("clip_t", plain), value("clip_t", instruction));
  EXPECT_EQ(value("clip_score", plain), value("clip_t", plain));
  // Of an instruction the prompt is what was asked for.
  EXPECT_EQ(value("clip_score", instruction), value("clip_score", R"("text": "paint it")"));
}

TEST_F(Evaluate, WantsTheTextOfWhatAnInstructionShouldGive) {
  pictures("made", 2, .01);
  pictures("edits", 2, .02);
  const auto of = [&](const std::string& metric) {
    return EvaluationRequest{.words = {.metric = metric, .extractor = kClip},
                             .pictures = folder_ / "made",
                             .items = folder_ / "edits"};
  };
  folder_.write("edits/metadata.jsonl",
                "{\"file_name\": \"00.png\", \"text\": \"a cat\"}\n"
                "{\"file_name\": \"01.png\", \"text\": \"a dog\"}\n");
  EXPECT_EQ(values_of(of("clip_t")).at("value"), values_of(of("clip_score")).at("value"));
  folder_.write("edits/metadata.jsonl",
                "{\"file_name\": \"00.png\", \"text\": \"a cat\", \"edit_prompt\": \"a dog\"}\n"
                "{\"file_name\": \"01.png\", \"text\": \"a dog\", \"edit_prompt\": \"a cat\"}\n");
  EXPECT_THAT(fault(of("clip_t")), HasSubstr("metadata.jsonl:1: this line has no 'target_text'"));
}

TEST_F(Evaluate, FindsTheMiniFamilyByTheNamesOfAGrid) {
  const auto made = pictures("made", 2, .01);
  const auto edits = items(2);
  const auto value = [&](const std::string& extractor) {
    return values_of({.words = {.metric = "clip_score", .extractor = extractor},
                      .pictures = made,
                      .items = edits})
        .at("value");
  };

  const Json usual = value("");

  for (const char* name : {"mini", "mini/clip", "clip:mini/clip"})
    EXPECT_EQ(value(name), usual) << name;
}

TEST_F(Evaluate, TellsHowFarItIs) {
  const auto made = pictures("made", 5, .01);
  std::vector<std::string> told;
  (void)values_of({.words = {.metric = "psnr"},
                   .pictures = made,
                   .reference = pictures("real", 5, .02),
                   .batch = 2,
                   .progress = [&](const std::string& what, std::size_t done, std::size_t of) {
                     told.push_back(what + " " + std::to_string(done) + "/" + std::to_string(of));
                   }});
  ASSERT_EQ(told.size(), 5U);
  EXPECT_EQ(told.back(), "pictures 5/5");
}

}  // namespace
}  // namespace isocost::diffusion

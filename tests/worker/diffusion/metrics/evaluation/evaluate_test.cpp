// Metrics of folders and files without a study: what comes out, and what is told at once of wrong
// input.
#include "worker/diffusion/metrics/evaluation/evaluate.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/io/picture.h"
#include "base/io/safetensors.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/worker/diffusion/image/waves.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::TemporaryFolder;
using isocost::testing::waves;
using ::testing::AllOf;
using ::testing::HasSubstr;

const bool kHasOneThread = (at::set_num_threads(1), true);

const std::filesystem::path kGoldenFolder =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";
const std::string kClip = (kGoldenFolder / "models/clip").string();
const std::string kVit = (kGoldenFolder / "picture_metrics/vit").string();

class Evaluate : public ::testing::Test {
 protected:
  // A folder of pictures that differ by their bend.
  std::filesystem::path pictures(const std::string& name, int count, double bend, int side = 16) {
    std::filesystem::create_directories(folder_ / name);
    for (int i = 0; i < count; ++i)
      io::write_png(folder_ / name / (file_name(i) + ".png"), waves(side, side, bend * (i + 1)));
    return folder_ / name;
  }
  static std::string file_name(int i) { return (i < 10 ? "0" : "") + std::to_string(i); }

  // Items of `count` pictures with everything, the mask's left half set.
  std::filesystem::path items(int count) {
    pictures("edits", count, .02);
    pictures("edits/targets", count, .03);
    std::filesystem::create_directories(folder_ / "edits/masks");
    io::Picture mask{16, 16, std::vector<std::uint8_t>(16 * 16 * 3, 0)};
    for (std::size_t p = 0; p < 256; ++p)
      for (std::size_t c = 0; c < 3; ++c) mask.rgb[3 * p + c] = p % 16 < 8 ? 255 : 0;
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const std::string name = file_name(i) + ".png";
      io::write_png(folder_ / "edits/masks" / name, mask);
      lines += Json{{"file_name", name},
                    {"text", "a red cat"},
                    {"edit_prompt", "make it blue"},
                    {"target_text", "the blue square " + std::to_string(i)},
                    {"target_file_name", "targets/" + name},
                    {"mask_file_name", "masks/" + name}}
                   .dump() +
               "\n";
    }
    folder_.write("edits/metadata.jsonl", lines);
    return folder_ / "edits";
  }

  std::filesystem::path rows_file(const std::string& name, const at::Tensor& rows) {
    const at::Tensor plain = rows.to(at::kFloat).contiguous();
    io::write_safetensors(folder_ / name,
                          {{"rows",
                            {io::Dtype::kF32,
                             plain.sizes().vec(),
                             {static_cast<const std::byte*>(plain.data_ptr()), plain.nbytes()}}}});
    return folder_ / name;
  }

  static Json values_of(const EvaluationRequest& request) {
    const auto values = evaluate(request);
    EXPECT_TRUE(values) << (values ? "" : values.error().message());
    return values.value_or(Json{{"value", std::nan("")}});
  }
  static std::string fault(const EvaluationRequest& request) {
    const auto values = evaluate(request);
    return values ? "no fault" : values.error().message();
  }
  static double psnr(const io::Picture& a, const io::Picture& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::pow(a.rgb[i] - b.rgb[i], 2);
    return 10 * std::log10(255 * 255 / (sum / static_cast<double>(a.rgb.size())));
  }

  TemporaryFolder folder_;
};

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
  const Json preset =
      value({.metric = "ssim", .preset = "basicsr-x4-y", .settings = {"crop_border=1"}});
  EXPECT_EQ(preset.at("extractor").at("options"), (Json{{"crop_border", 1}, {"channels", "y"}}));
  const Json set = value({.metric = "ssim", .settings = {"channels=y", "crop_border=1"}});
  EXPECT_EQ(preset.at("value"), set.at("value"));
}

TEST_F(Evaluate, TellsEveryFaultAtOnce) {
  pictures("made", 1, .01);
  const std::string message = fault({.words = {.metric = "dino_source",
                                               .extractor = "clip:" + kClip,
                                               .preset = "dreambooth",
                                               .settings = {"side=3"}},
                                     .pictures = folder_ / "made",
                                     .reference = folder_ / "gone"});
  EXPECT_THAT(message,
              AllOf(HasSubstr("--extractor: dino_source is not made of what 'clip:"),
                    HasSubstr("expected vit:PATH"),
                    HasSubstr("--protocol: 'dreambooth' is no protocol of dino_source"),
                    HasSubstr("--set: 'side' is no option of dino_source"), HasSubstr("gone"),
                    HasSubstr("--items: dino_source needs of each "
                              "picture its source"),
                    HasSubstr("there are only 1 pictures for dino_source; expected 2")));
}

TEST_F(Evaluate, RefusesWhatFitsNoMetric) {
  const auto made = pictures("made", 8, .01);
  const auto edits = items(8);
  const auto rows = rows_file("rows.safetensors", at::rand({8, 3}));
  const auto of = [&](MetricWords words) {
    return EvaluationRequest{.words = std::move(words), .pictures = made};
  };
  EXPECT_THAT(fault(of({.metric = "beauty"})),
              HasSubstr("'beauty' is no metric; expected one of: fid"));
  EXPECT_THAT(fault(of({.metric = "fid", .extractor = kClip})),
              HasSubstr("--reference: fid compares with a data set"));
  EXPECT_THAT(fault(of({.metric = "psnr"})),
              AllOf(HasSubstr("--items: psnr needs of each picture its target"),
                    HasSubstr("or --reference with the targets")));
  EXPECT_THAT(fault(of({.metric = "psnr", .extractor = kClip})),
              HasSubstr("no extractor: it compares pixels"));
  EXPECT_THAT(fault(of({.metric = "lpips"})),
              HasSubstr("--extractor: lpips needs one; expected network:PATH"));
  EXPECT_THAT(fault(of({.metric = "clip_t", .extractor = kClip + "-gone"})), HasSubstr("-gone"));
  auto request = of({.metric = "inception_score", .extractor = "n.pt"});
  request.reference = edits;
  EXPECT_THAT(fault(request), HasSubstr("inception_score compares with no reference"));
  request = of({.metric = "fid", .extractor = kClip});
  request.reference = made;
  request.items = edits;
  EXPECT_THAT(fault(request), HasSubstr("--items: fid needs nothing of them"));
  request = of({.metric = "psnr"});
  request.reference = made;
  request.items = edits;
  EXPECT_THAT(fault(request), HasSubstr("psnr needs nothing of them beside --reference"));
  request.pictures = rows;
  EXPECT_THAT(fault(request), AllOf(HasSubstr("--reference: the pictures are rows already"),
                                    HasSubstr("--items: the pictures are rows already")));
  request.pictures = folder_ / "none.safetensors";
  EXPECT_THAT(fault(request), HasSubstr("none.safetensors"));
  request.pictures = folder_ / "none";
  EXPECT_THAT(fault(request), HasSubstr("none"));
  EXPECT_THAT(fault({.words = {.metric = "coverage"}, .pictures = rows, .reference = made}),
              HasSubstr("the pictures are rows, of which nobody knows what made them"));
  EXPECT_THAT(fault({.words = {.metric = "recall", .settings = {"k=0", "k", "x=1"}},
                     .pictures = rows,
                     .reference = rows}),
              AllOf(HasSubstr("k is 0; expected a whole number from 1 to 1000"),
                    HasSubstr("'k' is no setting; expected name=value"),
                    HasSubstr("'x' is no option of recall; expected one of: k")));
  EXPECT_THAT(fault({.words = {.metric = "recall"},
                     .pictures = rows,
                     .reference = rows_file("few.safetensors", at::rand({7, 3}))}),
              HasSubstr("only 7 images in the reference"));
}

TEST_F(Evaluate, ListsEveryPictureAndItemAtFault) {
  const auto made = pictures("made", 4, .01);
  const auto real = pictures("real", 4, .02);
  folder_.write("real/01.png", "no picture");
  io::write_png(real / "02.png", waves(16, 15, .02));
  EXPECT_THAT(fault({.words = {.metric = "psnr"}, .pictures = made, .reference = real}),
              AllOf(HasSubstr("01.png"),
                    HasSubstr("02.png: it has 16 x 15 pixels; expected 16 x 16, as ")));

  const auto edits = items(4);
  io::write_png(edits / "masks/03.png", {16, 16, std::vector<std::uint8_t>(16 * 16 * 3, 127)});
  std::filesystem::remove(edits / "00.png");
  const EvaluationRequest request{
      .words = {.metric = "outside_mask"}, .pictures = made, .items = edits};
  EXPECT_THAT(fault(request), HasSubstr("metadata.jsonl:1: the file_name '00.png' is missing"));
  io::write_png(edits / "00.png", waves(16, 16, .02));
  EXPECT_THAT(fault(request), HasSubstr("03.png: the mask has no pixel that is set"));
  pictures("made", 5, .01);
  EXPECT_THAT(fault(request), HasSubstr("04.png: there is no item of this name"));
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

// What an evaluation is told of wrong input: all of it, and before anything is computed.
#include "tests/worker/diffusion/metrics/evaluation/evaluate_fixture.h"
#include "worker/diffusion/metrics/reference.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::waves;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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
              HasSubstr("only 7 pictures for the reference of recall"));
}

// What nobody can know is not told beside it: whose an option is, how many images are needed.
TEST_F(Evaluate, TellsOfAFaultyExtractorNothingThatIsNotSo) {
  const EvaluationRequest request{.words = {.metric = "inception_score",
                                            .extractor = "mini",
                                            .settings = {"resize=tf1", "splits=2", "colour=1"}},
                                  .pictures = pictures("made", 8, .01)};
  const std::string message = fault(request);
  EXPECT_THAT(message, AllOf(HasSubstr("inception_score is not made of what 'mini' gives"),
                             HasSubstr("'colour' is no option of inception_score")));
  EXPECT_THAT(message, Not(HasSubstr("'resize'")));
  EXPECT_THAT(message, Not(HasSubstr("there are only 8")));
}

// Before the pictures go through a network for hours.
TEST_F(Evaluate, LooksAtTheReferenceBeforeItComputes) {
  const auto made = pictures("made", 8, .01);
  const auto of = [&](const std::string& metric, const std::filesystem::path& reference) {
    bool is_begun = false;
    const std::string said = fault({.words = {.metric = metric, .extractor = "clip:" + kClip},
                                    .pictures = made,
                                    .reference = reference,
                                    .batch = 2,
                                    .progress = [&](const std::string&, std::size_t done,
                                                    std::size_t) { is_begun = done > 3; }});
    EXPECT_FALSE(is_begun) << said;
    return said;
  };

  folder_.write("none.npz", "no zip");
  EXPECT_THAT(of("fid", folder_ / "none.npz"), HasSubstr("none.npz"));
  EXPECT_THAT(of("kid", rows_file("few.safetensors", at::rand({7, 3}))),
              HasSubstr("few.safetensors: there are only 7 pictures for the reference of kid"));
  EXPECT_THAT(of("fid", rows_file("few.safetensors", at::rand({1, 3}))), HasSubstr("2 or more"));
  EXPECT_THAT(of("kid", rows_file("wide.safetensors", at::rand({9, 3}))),
              HasSubstr("wide.safetensors: it has 3 features; expected "));
  const auto statistics = Reference::from_rows(at::rand({9, 3}), false).value();
  folder_.write("statistics.safetensors", statistics.bytes());
  EXPECT_THAT(of("kid", folder_ / "statistics.safetensors"),
              HasSubstr("kid needs the rows of its reference"));
  EXPECT_THAT(fault({.words = {.metric = "fid"},
                     .pictures = rows_file("rows.safetensors", at::rand({9, 4})),
                     .reference = folder_ / "statistics.safetensors"}),
              HasSubstr("it has 3 features; expected 4, as "));
}

TEST_F(Evaluate, LooksWhetherRowsCanBeKept) {
  const auto of = [&](const std::filesystem::path& file) {
    return fault({.words = {.metric = "psnr"},
                  .pictures = pictures("made", 3, .01),
                  .reference = pictures("real", 3, .02),
                  .write_rows = file});
  };
  std::filesystem::create_directories(folder_ / "folder.safetensors");

  EXPECT_THAT(of(folder_ / "gone/rows.safetensors"), HasSubstr("gone"));
  EXPECT_THAT(of(folder_ / "folder.safetensors"), HasSubstr("this is a folder"));
  EXPECT_THAT(of(folder_ / "rows.bin"), HasSubstr("rows.bin' is no .safetensors"));
  EXPECT_EQ(of(folder_ / "rows.safetensors"), "no fault");
}

TEST_F(Evaluate, KnowsWhatMadeTheRowsThatItKept) {
  const auto made = pictures("made", 8, .01), real = pictures("real", 9, .2);
  const auto keep = [&](const std::string& name, const std::filesystem::path& pictures_of,
                        const std::vector<std::string>& settings) {
    (void)values_of({.words = {.metric = "cmmd", .extractor = kClip, .settings = settings},
                     .pictures = pictures_of,
                     .reference = real,
                     .write_rows = folder_ / name});
    return folder_ / name;
  };
  const auto rows = keep("made.safetensors", made, {});
  const auto others = keep("real.safetensors", real, {"fit=crop"});

  EXPECT_THAT(fault({.words = {.metric = "kid"}, .pictures = rows, .reference = others}),
              HasSubstr("made.safetensors: its rows were made by {\"input\":\"\",\"kind\":"
                        "\"clip-whole\""));
  EXPECT_THAT(fault({.words = {.metric = "cmmd"}, .pictures = rows, .reference = others}),
              HasSubstr("real.safetensors: its rows were made by"));
  EXPECT_THAT(
      fault(
          {.words = {.metric = "cmmd", .extractor = kClip}, .pictures = made, .reference = others}),
      HasSubstr("real.safetensors: its rows were made by"));
  EXPECT_EQ(fault({.words = {.metric = "cmmd"}, .pictures = rows, .reference = rows}), "no fault");
}

TEST_F(Evaluate, TellsEveryPictureThatAMetricDoesNotTake) {
  const auto made = pictures("made", 3, .01), real = pictures("real", 3, .02);
  EXPECT_THAT(fault({.words = {.metric = "ssim", .settings = {"crop_border=3"}},
                     .pictures = made,
                     .reference = real}),
              AllOf(HasSubstr("00.png: it has 16 x 16 pixels; expected 17 or more a side"),
                    HasSubstr("02.png: it has 16 x 16 pixels")));

  const auto edits = items(3);
  EXPECT_THAT(fault({.words = {.metric = "outside_mask", .settings = {"margin=8"}},
                     .pictures = made,
                     .items = edits}),
              AllOf(HasSubstr("masks/00.png: its mask, widened by 8 pixels, leaves no pixel"),
                    HasSubstr("masks/02.png")));
  folder_.write("edits/metadata.jsonl",
                "{\"file_name\": \"00.png\", \"text\": \"a cat\", \"source_text\": \"a cat\"}\n"
                "{\"file_name\": \"01.png\", \"text\": \"a dog\", \"source_text\": \"a cat\"}\n"
                "{\"file_name\": \"02.png\", \"text\": \"a cat\", \"source_text\": \"a cat\"}\n");
  const std::string texts = fault({.words = {.metric = "clip_directional", .extractor = kClip},
                                   .pictures = made,
                                   .items = edits});
  EXPECT_THAT(texts, AllOf(HasSubstr("00.png: 'a cat' is the text of its source and of its target"),
                           HasSubstr("02.png"), Not(HasSubstr("01.png"))));
}

TEST_F(Evaluate, RefusesTwoItemsOfOneName) {
  pictures("made", 2, .01);
  pictures("real", 2, .02);
  io::write_png(folder_ / "real/copy.png", waves(16, 16, .02));
  std::filesystem::rename(folder_ / "real/copy.png", folder_ / "real/01.jpeg");
  EXPECT_THAT(fault({.words = {.metric = "psnr"},
                     .pictures = folder_ / "made",
                     .reference = folder_ / "real"}),
              AllOf(HasSubstr("01.png: there are two targets of this name in"),
                    HasSubstr("expected each name once")));
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

}  // namespace
}  // namespace isocost::diffusion

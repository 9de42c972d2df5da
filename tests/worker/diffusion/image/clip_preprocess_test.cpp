#include "worker/diffusion/image/clip_preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/io/atomic_file.h"
#include "base/io/safetensors.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/worker/diffusion/image/waves.h"

namespace isocost::diffusion {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kGolden = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";

TEST(ClipPreprocess, EqualsTheKnownAnswerFor512By640) {
  const Json golden =
      parse_json(io::read_file(kGolden / "metrics.json").value(), "metrics.json").value();
  const ClipPreprocess preprocess;
  const io::Picture source = isocost::testing::waves(640, 512, .0011);

  const io::Picture cropped = preprocess.crop(source);
  std::vector<float> normal(3 * 224 * 224);
  preprocess.apply(source, normal);

  double bytes = 0, sum = 0, absolute = 0;
  for (const auto value : cropped.rgb) bytes += value;
  for (const float value : normal) {
    sum += static_cast<double>(value);
    absolute += std::fabs(static_cast<double>(value));
  }
  EXPECT_EQ(bytes, golden.at("clip_resize224 (shortest edge bicubic u8 + center crop)")
                       .at("u8")
                       .at("sum")
                       .get<double>());
  EXPECT_NEAR(sum, golden.at("clip_norm").at("sum").get<double>(), 0.05);
  EXPECT_NEAR(absolute, golden.at("clip_norm").at("abs").get<double>(), 0.05);
}

TEST(ClipPreprocess, FindsTheImageProcessorInAProcessorsConfiguration) {
  const isocost::testing::TemporaryFolder folder;
  folder.write("processor_config.json",
               R"({"image_processor": {"crop_size": 32, "size": {"shortest_edge": 32}}})");

  const auto preprocess = ClipPreprocess::load(folder.path());

  ASSERT_TRUE(preprocess) << preprocess.error().message();
  EXPECT_EQ(preprocess->crop_height, 32);
  folder.write("processor_config.json", "{}");
  EXPECT_THAT(ClipPreprocess::load(folder.path()).error().message(),
              HasSubstr("preprocessor_config.json: the file is missing"));
}

TEST(ClipPreprocess, EqualsTheReferenceModelToTheLastBit) {
  const auto preprocess = ClipPreprocess::load(kGolden / "models/clip");
  ASSERT_TRUE(preprocess) << preprocess.error().message();
  const auto expected =
      io::SafetensorsFile::read(kGolden / "models/clip/golden/expected.safetensors").value();
  const auto* normal = expected.find("pixel_values");
  ASSERT_NE(normal, nullptr);
  std::vector<float> all(normal->bytes.size() / sizeof(float));
  std::memcpy(all.data(), normal->bytes.data(), normal->bytes.size());

  for (int i = 0; i < 4; ++i) {
    const auto picture =
        io::read_picture(kGolden / ("models/clip/golden/picture_" + std::to_string(i) + ".png"));
    ASSERT_TRUE(picture) << picture.error().message();
    const auto* cropped = expected.find("cropped_u8." + std::to_string(i));
    ASSERT_NE(cropped, nullptr);
    const io::Picture found = preprocess->crop(*picture);
    ASSERT_EQ(found.rgb.size(), cropped->bytes.size());
    EXPECT_EQ(cropped->shape, (std::vector<std::int64_t>{3, 32, 32}));
    for (std::size_t k = 0; k < found.rgb.size(); ++k) {
      // Stored [3, 32, 32]; here [32, 32, 3].
      ASSERT_EQ(found.rgb[k % 1024 * 3 + k / 1024], std::to_integer<int>(cropped->bytes[k])) << i;
    }

    std::vector<float> values(3 * 32 * 32);
    preprocess->apply(*picture, values);
    for (std::size_t k = 0; k < values.size(); ++k) {
      ASSERT_NEAR(values[k], all[static_cast<std::size_t>(i) * values.size() + k], 1e-5F);
    }
  }
}

TEST(ClipPreprocess, ReadsTheFormsThatTransformersHasWritten) {
  const auto old_form = ClipPreprocess::parse(Json{{"size", 224}, {"crop_size", 200}}, "p");
  const auto new_form = ClipPreprocess::parse(
      Json{{"size", {{"shortest_edge", 224}}}, {"crop_size", {{"height", 200}, {"width", 200}}}},
      "p");
  const auto square = ClipPreprocess::parse(Json{{"size", {{"height", 30}, {"width", 40}}},
                                                 {"do_center_crop", false},
                                                 {"do_rescale", false}},
                                            "p");

  EXPECT_EQ(old_form->height(), 200);
  EXPECT_EQ(new_form->shortest_edge, 224);
  EXPECT_EQ(square->width(), 40);
  EXPECT_EQ(square->rescale, 1.0);
}

TEST(ClipPreprocess, NamesEveryMemberThatIsWrong) {
  const auto wrong = ClipPreprocess::parse(Json{{"size", "big"},
                                                {"resample", 7},
                                                {"image_std", {1, 0, 1}},
                                                {"image_mean", {1, 2}},
                                                {"do_resize", 1}},
                                           "p.json");

  for (const char* key : {"size", "resample", "image_std", "image_mean", "do_resize"}) {
    EXPECT_THAT(wrong.error().message(), HasSubstr(std::string("p.json: ") + key));
  }
}

TEST(ClipPreprocess, PutsASmallPictureInTheMiddleOfBlack) {
  ClipPreprocess preprocess;
  preprocess.has_resize = false;
  preprocess.crop_height = preprocess.crop_width = 4;

  const io::Picture out = preprocess.crop({1, 1, {9, 9, 9}});

  EXPECT_EQ(out.rgb[3 * (2 * 4 + 2)], 9);
  EXPECT_EQ(std::count(out.rgb.begin(), out.rgb.end(), 0), 3 * 15);
}

// torchvision's round((343 - 224) / 2.0) is 60 and round((341 - 224) / 2.0) is 58; both are 59 and
// 58 where a half is cut down.
TEST(ClipPreprocess, CropsHalfAPixelToTheEvenSideAsTorchvision) {
  ClipPreprocess preprocess = ClipPreprocess::dreambooth();
  for (const auto& [width, left] : {std::pair{343, 60}, std::pair{341, 58}, std::pair{340, 58}}) {
    io::Picture picture{width, 256, {}};
    picture.rgb.resize(static_cast<std::size_t>(3 * 256 * width));
    for (std::size_t i = 0; i < picture.rgb.size(); ++i)
      picture.rgb[i] = static_cast<std::uint8_t>(i / 3 % static_cast<std::size_t>(width) / 2);
    const io::Picture cropped = preprocess.crop(picture);
    EXPECT_EQ(cropped.width, 224);
    EXPECT_EQ(cropped.rgb[0], left / 2) << width;
    EXPECT_EQ(cropped.rgb[3], (left + 1) / 2) << width;
  }
  preprocess.is_torchvision_crop = false;
  io::Picture picture{343, 256, std::vector<std::uint8_t>(std::size_t{3} * 343 * 256, 7)};
  picture.rgb[(std::size_t{16} * 343 + 59) * 3] = 9;
  EXPECT_EQ(preprocess.crop(picture).rgb[0], 9);
}

TEST(ClipPreprocess, OfAVisionTransformerResizesBothSidesAndCutsNothing) {
  const auto preprocess = ClipPreprocess::load_vit(kGolden / "picture_metrics/vit");
  ASSERT_TRUE(preprocess) << preprocess.error().message();
  EXPECT_FALSE(preprocess->has_crop);
  EXPECT_EQ(preprocess->shortest_edge, 0);
  EXPECT_EQ(preprocess->resize_width, 224);
  EXPECT_EQ(preprocess->filter, Filter::kBicubic);
  EXPECT_NEAR(preprocess->mean[0], 0.485, 1e-12);
}

}  // namespace
}  // namespace isocost::diffusion

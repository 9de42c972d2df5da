#include "base/io/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/io/atomic_file.h"
#include "base/json.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::HasSubstr;

const std::filesystem::path kPictures =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/pictures";

Picture waves(int width, int height) {
  Picture picture{width, height, {}};
  for (int i = 0; i < 3 * width * height; ++i)
    picture.rgb.push_back(static_cast<std::uint8_t>(i * 7 % 251));
  return picture;
}

std::string sha256_of(const Picture& picture) {
  return sha256(std::string_view(reinterpret_cast<const char*>(picture.rgb.data()),
                                 picture.rgb.size()))
      .hex();
}

TEST(Picture, ReadsEveryKindOfFileAsPilDoes) {
  const auto expected =
      parse_json(read_file(kPictures / "expected.json").value(), "expected.json").value();
  ASSERT_GT(expected.size(), 30U);

  for (const auto& [name, about] : expected.items()) {
    const auto picture = read_picture(kPictures / name);
    ASSERT_TRUE(picture) << picture.error().message();
    EXPECT_EQ(picture->width, about.at("width")) << name;
    EXPECT_EQ(picture->height, about.at("height")) << name;
    EXPECT_EQ(sha256_of(*picture), about.at("sha256").get<std::string>()) << name;
  }
}

TEST(Picture, ComesBackFromPngUnchanged) {
  const Picture picture = waves(31, 17);

  const std::string bytes = png_bytes(picture, {{"prompt", "a “red” circle"}});

  EXPECT_EQ(parse_picture(bytes, "p").value(), picture);
  EXPECT_EQ(bytes, png_bytes(picture, {{"prompt", "a “red” circle"}}));
  EXPECT_THAT(bytes, HasSubstr("a “red” circle"));
}

// What it decodes to is held against Pillow's, to the byte, where pictures are degraded
// (worker/diffusion/image/degrade_test.cpp).
TEST(Picture, ComesBackFromJpegTheCloserTheBetterItsQuality) {
  Picture slope{40, 24, {}};
  for (int i = 0; i < 3 * 40 * 24; ++i)
    slope.rgb.push_back(static_cast<std::uint8_t>(i / 3 % 40 * 5 + i / 120 * 2));
  const auto difference = [&slope](int quality) {
    const auto back = parse_picture(jpeg_bytes(slope, quality), "p").value();
    EXPECT_EQ(back.width, 40);
    EXPECT_EQ(back.height, 24);
    int sum = 0;
    for (std::size_t i = 0; i < slope.rgb.size(); ++i) sum += std::abs(back.rgb[i] - slope.rgb[i]);
    return static_cast<double>(sum) / static_cast<double>(slope.rgb.size());
  };

  EXPECT_LT(difference(95), 2);
  EXPECT_LT(difference(95), difference(10));
  EXPECT_LT(jpeg_bytes(slope, 10).size(), jpeg_bytes(slope, 95).size());
  EXPECT_EQ(jpeg_bytes(slope, 50), jpeg_bytes(slope, 50));
}

// Which libjpeg hands over in pieces.
TEST(Picture, ComesBackFromAJpegOfHundredsOfKilobytes) {
  std::mt19937 chance(1);
  Picture picture{400, 300, {}};
  for (int i = 0; i < 3 * 400 * 300; ++i)
    picture.rgb.push_back(static_cast<std::uint8_t>(chance() % 256));

  const std::string bytes = jpeg_bytes(picture, 95);

  EXPECT_GT(bytes.size(), std::size_t{1} << 17U);
  EXPECT_TRUE(bytes.ends_with("\xFF\xD9"));
  const auto back = parse_picture(bytes, "p");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->width, 400);
  EXPECT_EQ(back->height, 300);
}

TEST(Picture, RefusesWhatIsNoPictureOrTooLarge) {
  std::string huge = png_bytes(waves(1, 1));
  huge[16 + 1] = '\x7F';  // the width in the header, whose check sum is now wrong as well

  EXPECT_THAT(parse_picture("GIF89a", "p").error().message(), HasSubstr("p: this is neither"));
  EXPECT_THAT(parse_picture(huge, "p").error().message(), HasSubstr("cannot be read"));
  EXPECT_FALSE(parse_picture("", "p"));
}

TEST(Picture, RefusesEveryTruncation) {
  for (const char* name :
       {"rgb.jpg", "rgb-progressive.jpg", "type2-8bit.png", "type3-4bit-interlaced.png"}) {
    const std::string bytes = read_file(kPictures / name).value();
    // The last two bytes of a JPEG are its end marker; decoders take a file without it.
    const std::size_t n_max = bytes.size() - 2;
    for (std::size_t n = 0; n < n_max; ++n) {
      EXPECT_FALSE(parse_picture(std::string_view(bytes).substr(0, n), name))
          << name << " cut to " << n;
    }
  }
}

// The sanitizers look on in the debug build.
TEST(Picture, SurvivesDamagedFiles) {
  std::mt19937_64 chance(7);
  for (const char* name : {"rgb.jpg", "rgb-progressive.jpg", "cmyk.jpg", "type3-4bit.png",
                           "type6-16bit-interlaced.png"}) {
    const std::string bytes = read_file(kPictures / name).value();
    for (int round = 0; round < 500; ++round) {
      std::string damaged = bytes;
      for (std::uint64_t i = 0, n = 1 + chance() % 4; i < n; ++i) {
        damaged[chance() % damaged.size()] = static_cast<char>(chance());
      }
      const auto picture = parse_picture(damaged, name);
      if (picture) {
        EXPECT_EQ(picture->rgb.size(), 3U * static_cast<unsigned>(picture->width) *
                                           static_cast<unsigned>(picture->height));
      }
    }
  }
}

TEST(PictureFiles, AreInTheOrderOfTheirNames) {
  const TemporaryFolder folder;
  for (const char* name : {"b.png", "a.JPG", "c.jpeg", "notes.txt"}) folder.write(name, "x");

  const auto files = picture_files(folder.path());

  ASSERT_TRUE(files);
  EXPECT_EQ(*files, (std::vector<std::filesystem::path>{folder / "a.JPG", folder / "b.png",
                                                        folder / "c.jpeg"}));
  EXPECT_FALSE(picture_files(folder / "none"));
}

TEST(PictureFiles, AreNeitherHiddenNorBelow) {
  const TemporaryFolder folder;
  for (const char* name : {"set/0.png", "set/._0.png", "set/.DS_Store", "set/more/1.png",
                           "set/more/2.jpg", "set/more/._2.jpg", "set/.cache/3.png"})
    folder.write(name, "x");
  folder.write("below/cat/0.png", "x");
  folder.write("below/dog/1.png", "x");
  std::filesystem::create_directory(folder / "below/folder.png");

  EXPECT_EQ(*picture_files(folder / "set"),
            (std::vector<std::filesystem::path>{folder / "set/0.png"}));
  EXPECT_EQ(pictures_below(folder / "set"), 2U);
  EXPECT_THAT(picture_files(folder / "below").error().message(),
              HasSubstr("no picture is at the top of this folder; 2 are in its sub-folders"));
}

// Without it the set would be another, and nobody told.
TEST(PictureFiles, ThatAreLinksToNothingAreFaults) {
  const TemporaryFolder folder;
  folder.write("0.png", "x");
  std::filesystem::create_symlink("gone.png", folder / "1.png");

  EXPECT_THAT(picture_files(folder.path()).error().message(),
              HasSubstr("1.png: this is a link to gone.png, which is missing"));
}

TEST(Picture, SaysWhatAFileIsThatIsNone) {
  EXPECT_THAT(
      parse_picture("version https://git-lfs.github.com/spec/v1\n", "a.png").error().message(),
      HasSubstr("a.png: this is a Git LFS pointer"));
}

}  // namespace
}  // namespace isocost::io

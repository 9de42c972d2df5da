#include "base/io/picture_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/io/atomic_file.h"
#include "base/io/inputs.h"
#include "base/io/picture.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

void write_picture(const TemporaryFolder& folder, const std::string& name, int width, int height) {
  const auto count = static_cast<std::size_t>(3 * width * height);
  folder.write(name, png_bytes({width, height, std::vector<std::uint8_t>(count, 7)}));
}

TEST(PictureSet, CountsWhatIsThereAndWhatIsBelow) {
  const TemporaryFolder folder;
  for (int i = 0; i < 20; ++i) write_picture(folder, "set/" + std::to_string(i) + ".png", 8, 8);
  write_picture(folder, "set/wide.png", 12, 8);
  write_picture(folder, "set/sub/0.png", 8, 8);
  folder.write("set/._0.png", "Mac OS X");

  const auto set = read_picture_set(folder / "set", std::nullopt);

  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ(set->count, 21U);
  EXPECT_EQ(set->below, 1U);
  EXPECT_EQ(set->digest, input_digest(folder / "set").value());
  EXPECT_EQ(set->sizes,
            (std::map<std::pair<int, int>, std::string>{{{8, 8}, "0.png"}, {{12, 8}, "wide.png"}}));
}

TEST(PictureSet, NamesEveryBrokenPicture) {
  const TemporaryFolder folder;
  for (int i = 0; i < 8; ++i) write_picture(folder, "set/" + std::to_string(i) + ".png", 8, 8);
  folder.write("set/cut.png", read_file(folder / "set/0.png")->substr(0, 40));
  folder.write("set/html.jpg", "<!doctype html>");
  folder.write("set/text.jpeg", "no picture");

  const auto set = read_picture_set(folder / "set", std::nullopt);

  ASSERT_FALSE(set);
  EXPECT_THAT(set.error().message(),
              AllOf(HasSubstr("cut.png"), HasSubstr("html.jpg: this is an HTML page"),
                    HasSubstr("text.jpeg: this is neither a PNG nor a JPEG picture")));
  EXPECT_EQ(set.error().errors.size(), 3U);
  for (int i = 0; i < 40; ++i) folder.write("set/bad" + std::to_string(i) + ".png", "x");
  EXPECT_THAT(read_picture_set(folder / "set", std::nullopt).error().message(),
              HasSubstr("23 more pictures cannot be read"));
}

// What is remembered belongs to the content: another picture in the folder is looked at.
TEST(PictureSet, IsRememberedByItsContent) {
  const TemporaryFolder folder;
  write_picture(folder, "set/0.png", 8, 8);
  const auto cache = folder / "cache/digests";
  const auto first = read_picture_set(folder / "set", cache);
  ASSERT_TRUE(first) << first.error().message();
  const auto entry = folder / "cache/pictures" / (first->digest.hex() + ".json");
  ASSERT_TRUE(std::filesystem::exists(entry));

  folder.write("cache/pictures/" + first->digest.hex() + ".json", R"([[9, 9, "planted"]])");
  EXPECT_EQ(read_picture_set(folder / "set", cache)->sizes.begin()->second, "planted");
  folder.write("cache/pictures/" + first->digest.hex() + ".json", "torn");
  EXPECT_EQ(read_picture_set(folder / "set", cache)->sizes, first->sizes);
  folder.write("set/1.png", "broken");
  EXPECT_FALSE(read_picture_set(folder / "set", cache));
}

}  // namespace
}  // namespace isocost::io

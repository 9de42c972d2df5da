#include "base/io/presence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/io/clip_files.h"
#include "base/io/genuine_file.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Presence, TellsAbsentFromUnreadable) {
  const TemporaryFolder folder;
  const auto file = folder.write("file", "x");
  std::filesystem::create_symlink("file", folder / "link");
  std::filesystem::create_symlink("gone", folder / "broken");
  std::filesystem::create_symlink("loop", folder / "loop");
  ::mkfifo((folder / "pipe").c_str(), 0600);

  EXPECT_EQ(has_file(file).value(), true);
  EXPECT_EQ(has_file(folder / "link").value(), true);
  EXPECT_EQ(has_file(folder / "nothing").value(), false);
  EXPECT_EQ(has_file(file / "below").value(), false);
  EXPECT_THAT(has_file(folder / "broken").error().message(),
              HasSubstr("broken: this is a link to gone, which is missing"));
  EXPECT_THAT(has_file(folder / "loop").error().message(), HasSubstr("cannot be looked at"));
  EXPECT_THAT(has_file(folder / "pipe").error().message(), HasSubstr("neither file nor folder"));
  EXPECT_THAT(has_file(folder.path()).error().message(), HasSubstr("this is a folder"));
  EXPECT_THAT(has_folder(file).error().message(), HasSubstr("this is a file"));
  EXPECT_EQ(has_folder(folder / "nothing").value(), false);
}

TEST(Presence, NamesAllThatIsInAFolder) {
  const TemporaryFolder folder;
  folder.write("b", "");
  folder.write("sub/x", "");
  std::filesystem::create_symlink("gone", folder / "a");

  EXPECT_THAT(names_in(folder.path()).value(), ElementsAre("a", "b", "sub"));
  EXPECT_THAT(names_in(folder / "nothing").error().message(), HasSubstr("the folder is missing"));
  EXPECT_THAT(names_in(folder / "b").error().message(), HasSubstr("this is a file"));
}

TEST(Presence, SaysOfABrokenLinkThatItIsOne) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("../blobs/77", folder / "vocab.json");

  EXPECT_THAT(read_genuine_file(folder / "vocab.json", 100).error().message(),
              HasSubstr("this is a link to ../blobs/77, which is missing"));
  EXPECT_THAT(read_genuine_file(folder / "other", 100).error().message(),
              HasSubstr("the file is missing"));
}

std::vector<std::string> names_of(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.filename().string());
  return names;
}

TEST(ClipFiles, AreThoseThatTransformersReads) {
  const TemporaryFolder folder;
  folder.write("old/vocab.json", "{}");
  folder.write("old/merges.txt", "");
  folder.write("old/added_tokens.json", "{}");
  folder.write("old/special_tokens_map.json", "{}");
  folder.write("old/tokenizer_config.json", "{}");

  EXPECT_THAT(names_of((*find_tokenizer_files(folder / "old"))->all()),
              ElementsAre("vocab.json", "merges.txt", "tokenizer_config.json",
                          "special_tokens_map.json", "added_tokens.json"));
  folder.write("old/tokenizer_config.json", R"({"added_tokens_decoder": {}})");
  folder.write("old/tokenizer.json", "{}");
  EXPECT_THAT(names_of((*find_tokenizer_files(folder / "old"))->all()),
              ElementsAre("tokenizer.json", "tokenizer_config.json"));
  EXPECT_EQ(find_tokenizer_files(folder.path()).value(), std::nullopt);
  folder.write("half/vocab.json", "{}");
  EXPECT_THAT(find_tokenizer_files(folder / "half").error().message(),
              HasSubstr("merges.txt: the file is missing"));
}

TEST(ClipFiles, PreprocessingIsTheNestedOneWhereThereIsOne) {
  const TemporaryFolder folder;
  EXPECT_EQ(find_preprocessing_file(folder.path()).value(), std::nullopt);
  folder.write("preprocessor_config.json", "{}");
  folder.write("processor_config.json", R"({"processor_class": "CLIPProcessor"})");
  EXPECT_EQ((*find_preprocessing_file(folder.path()))->file, folder / "preprocessor_config.json");
  folder.write("processor_config.json", R"({"image_processor": {}})");
  EXPECT_EQ((*find_preprocessing_file(folder.path()))->file, folder / "processor_config.json");
  EXPECT_TRUE((*find_preprocessing_file(folder.path()))->is_nested);
}

}  // namespace
}  // namespace isocost::io

#include "base/io/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <system_error>

#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;

TEST(AtomicFile, ReplacesWhatWasThere) {
  const TemporaryFolder folder;

  write_file_atomically(folder / "a", "old and long");
  write_file_atomically(folder / "a", "new");

  EXPECT_EQ(read_file(folder / "a").value(), "new");
}

TEST(AtomicFile, LeavesNothingBesideTheFile) {
  const TemporaryFolder folder;

  write_file_atomically(folder / "a", "text");

  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(AtomicFile, ThrowsAndLeavesNothingWhenTheTargetCannotBeReplaced) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a/b");

  EXPECT_THROW(write_file_atomically(folder / "a", "text"), std::system_error);

  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_THROW(write_file_atomically(folder / "missing/a", "text"), std::system_error);
}

TEST(AtomicFile, IsThereOnceAllItsPiecesAre) {
  const TemporaryFolder folder;
  const std::string piece(100'000, 'x');  // several are more than is written at once
  {
    AtomicFile file(folder / "a");
    for (int i = 0; i < 5; ++i) file.write(piece);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    file.finish();
  }

  EXPECT_EQ(read_file(folder / "a").value(), piece + piece + piece + piece + piece);
}

TEST(AtomicFile, LeavesNothingWhereItIsNotFinished) {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "a");
    file.write(std::string(1'000'000, 'x'));
  }

  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ReadFile, RefusesPipesFoldersAndLongFiles) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  folder.write("long", "0123456789");

  EXPECT_THAT(read_file(folder / "pipe").error().message(),
              ::testing::HasSubstr("no regular file"));
  EXPECT_THAT(read_file(folder.path()).error().message(), ::testing::HasSubstr("a folder"));
  EXPECT_THAT(read_file(folder / "gone").error().message(), ::testing::HasSubstr("missing"));
  EXPECT_THAT(read_file(folder / "long", 9).error().message(), ::testing::HasSubstr("10 bytes"));
}

}  // namespace
}  // namespace isocost::io

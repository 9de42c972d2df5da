#include "base/io/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

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

#include "base/io/artifact_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/io/atomic_file.h"
#include "tests/base/io/temporary_folder.h"

namespace isocost::io {
namespace {

using isocost::testing::TemporaryFolder;
using ::testing::HasSubstr;

TEST(ArtifactStore, GivesBackWhatWasPut) {
  const TemporaryFolder folder;
  ArtifactStore store(folder / "artifacts");

  const Digest digest = store.put("features");

  EXPECT_EQ(digest, sha256("features"));
  EXPECT_EQ(store.get(digest).value(), "features");
  EXPECT_EQ(store.size(digest), 8U);
  EXPECT_EQ(store.path(digest),
            folder / "artifacts" / digest.hex().substr(0, 2) / digest.hex().substr(2));
  EXPECT_EQ(store.put("features"), digest);
}

TEST(ArtifactStore, AdoptsAFileByMovingIt) {
  const TemporaryFolder folder;
  ArtifactStore store(folder / "artifacts");

  for (int round = 0; round < 2; ++round) {
    const auto file = folder.write("finished", "bytes");
    EXPECT_EQ(store.adopt(file), sha256("bytes"));
    EXPECT_FALSE(std::filesystem::exists(file));
  }

  EXPECT_EQ(store.get(sha256("bytes")).value(), "bytes");
  EXPECT_THROW(store.adopt(folder / "gone"), std::system_error);
}

TEST(ArtifactStore, SaysThatAnArtifactIsMissingOrDamaged) {
  const TemporaryFolder folder;
  ArtifactStore store(folder / "artifacts");
  const Digest digest = store.put("features");
  write_file_atomically(store.path(digest), "f3atures");

  EXPECT_THAT(store.get(digest).error().message(), HasSubstr("no longer match"));
  EXPECT_THAT(store.get(sha256("other")).error().message(), HasSubstr("missing"));
  EXPECT_FALSE(store.has(sha256("other")));
}

TEST(ArtifactStore, TellsAFullDiskFromOtherFaults) {
  EXPECT_TRUE(is_no_room(std::make_error_code(std::errc::no_space_on_device)));
  EXPECT_FALSE(is_no_room(std::make_error_code(std::errc::permission_denied)));
  const TemporaryFolder folder;
  ArtifactStore store(folder / "artifacts");
  std::filesystem::remove_all(store.root());
  write_file_atomically(store.root(), "no folder");

  EXPECT_THROW(store.put("bytes"), std::system_error);

  EXPECT_FALSE(store.had_no_room());
}

TEST(ArtifactStore, RepairsAnArtifactOfTheWrongLength) {
  const TemporaryFolder folder;
  ArtifactStore store(folder / "artifacts");
  const Digest digest = store.put("features");
  write_file_atomically(store.path(digest), "fea");

  store.put("features");

  EXPECT_EQ(store.get(digest).value(), "features");
}

TEST(ArtifactStore, RepairsAnArtifactOfWhichABitIsWrong) {
  const TemporaryFolder folder;
  ArtifactStore store(folder / "artifacts");
  const Digest digest = store.put("features");
  write_file_atomically(store.path(digest), "ggatures");
  EXPECT_TRUE(store.has(digest));
  EXPECT_FALSE(store.is_whole(digest));

  store.put("features");

  EXPECT_TRUE(store.is_whole(digest));
  write_file_atomically(store.path(digest), "ggatures");
  write_file_atomically(folder / "made", "features");

  EXPECT_EQ(store.adopt(folder / "made"), digest);

  EXPECT_EQ(store.get(digest).value(), "features");
}

TEST(ArtifactStore, SetsAsideWhatIsNoFileInAnArtifactsPlace) {
  const TemporaryFolder folder;
  ArtifactStore store(folder / "artifacts");
  const Digest digest = sha256("features");
  EXPECT_EQ(store.state(digest), ArtifactStore::State::kMissing);
  const std::vector<std::function<void()>> writes = {[&] { store.put("features"); },
                                                     [&] {
                                                       write_file_atomically(folder / "made",
                                                                             "features");
                                                       store.adopt(folder / "made");
                                                     }};
  int round = 0;
  for (const auto& write : writes) {
    std::filesystem::remove(store.path(digest));
    std::filesystem::create_directories(store.path(digest));
    write_file_atomically(store.path(digest) / "theirs", "kept");
    EXPECT_EQ(store.state(digest), ArtifactStore::State::kNoFile);

    write();

    EXPECT_EQ(store.state(digest), ArtifactStore::State::kWhole);
    const auto aside = store.path(digest).string() + ".aside-" + std::to_string(++round);
    EXPECT_EQ(read_file(std::filesystem::path(aside) / "theirs").value(), "kept");
  }
}

TEST(ArtifactStore, TakesTheSameBytesFromManyAtOnce) {
  const TemporaryFolder folder;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      ArtifactStore store(folder / "artifacts");
      for (int k = 0; k < 20; ++k) store.put("artifact " + std::to_string(k));
    });
  }
  for (auto& thread : threads) thread.join();

  const ArtifactStore store(folder / "artifacts");
  for (int k = 0; k < 20; ++k) EXPECT_TRUE(store.get(sha256("artifact " + std::to_string(k))));
}

}  // namespace
}  // namespace isocost::io

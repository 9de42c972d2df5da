#include "worker/spool/spool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/process.h"

namespace isocost::agent {
namespace {

UnitResult result_of(const std::string& unit) {
  UnitResult made;
  made.unit = unit;
  made.digest = sha256(unit);
  made.artifacts.push_back({"rows/a", sha256(unit), 3});
  return made;
}

TEST(SpoolFolder, TellsTheNextProcessWhatComputed) {
  const testing::ScratchFolder folder;
  const Outcome outcome{"db1", "a", {1, 2}, UnitFailure{FailureClass::kBug, "", {}}};
  SpoolFolder(folder.path()).note(outcome);

  SpoolFolder next(folder.path());

  EXPECT_TRUE(next.load().outcomes.empty());
  EXPECT_EQ(next.take_note(), outcome);
  EXPECT_EQ(next.take_note(), std::nullopt);
}

// What is acknowledged while somebody lists the folder is gone, not damaged.
TEST(SpoolFolder, TakesAnOutcomeThatVanishesForGone) {
  const testing::ScratchFolder folder;
  const std::jthread worker([&](const std::stop_token& is_over) {
    SpoolFolder spool(folder.path());
    const Outcome outcome{"db1", "unit/a", {1, 1}, result_of("unit/a")};
    while (!is_over.stop_requested()) {
      spool.keep(outcome);
      spool.forget(outcome);
    }
  });

  SpoolFolder spool(folder.path());
  std::size_t seen = 0;
  // On a busy machine the other one may write nothing for a while.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int i = 0; i < 2000 || (seen == 0 && std::chrono::steady_clock::now() < limit); ++i) {
    const SpoolFolder::Loaded loaded = spool.load();
    seen += loaded.outcomes.size();
    EXPECT_TRUE(loaded.set_aside.is_empty()) << loaded.set_aside.message();
  }

  EXPECT_GT(seen, 0U);
}

TEST(SpoolFolder, KeepsOutcomesOverARestart) {
  testing::ScratchFolder folder;
  const Outcome good{"db1", "score/a", {2, 7}, result_of("score/a")};
  const Outcome bad{
      "db2", "score/b", {2, 8}, UnitFailure{FailureClass::kOutOfMemory, "no memory", {"line"}}};
  SpoolFolder(folder.path()).keep(good);
  SpoolFolder(folder.path()).keep(bad);
  testing::write_text(folder / "torn.json", "{\"format\":1,");

  const auto loaded = SpoolFolder(folder.path()).load();

  EXPECT_EQ(loaded.outcomes.size(), 2u);
  EXPECT_TRUE(std::ranges::count(loaded.outcomes, good) == 1 &&
              std::ranges::count(loaded.outcomes, bad) == 1);
  EXPECT_EQ(loaded.set_aside.errors.size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(folder / "torn.json.bad"));
  SpoolFolder(folder.path()).forget(good);
  EXPECT_EQ(SpoolFolder(folder.path()).load().outcomes.size(), 1u);
}

}  // namespace
}  // namespace isocost::agent

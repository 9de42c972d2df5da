// The event log in the database, and databases from before it.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "coordinator/storage/migrations.h"
#include "coordinator/storage/reader.h"
#include "coordinator/storage/sqlite_store.h"
#include "tests/support/process.h"

namespace isocost::storage {
namespace {

// Of each kind so many are kept, and many of one kind push out no other.
TEST(Database, KeepsTheLastEventsOfEachKind) {
  const testing::ScratchFolder folder;
  const auto file = folder / "isocost.db";
  auto store = SqliteStore::open(file);
  ASSERT_TRUE(store.has_value());
  (void)(*store)->open();
  (*store)->apply({core::RecordEvent{.kind = "lost", .who = "w1", .what = "it is gone"}});
  for (int i = 0; i < 3000; ++i)
    (*store)->apply({core::RecordEvent{.kind = "leased", .what = std::to_string(i)}});
  (*store)->commit();

  auto reader = Reader::open(file);
  ASSERT_TRUE(reader.has_value());
  const auto lost = (*reader)->events({.kind = "lost"});
  const auto leased = (*reader)->events({.after = 0, .limit = 5000, .kind = "leased"});
  const auto last = (*reader)->events({.limit = 2});
  const auto next = (*reader)->events({.after = last[0].id, .limit = 10});

  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].who, "w1");
  EXPECT_GT(lost[0].at_ms, 0);
  EXPECT_GE(leased.size(), log::kEventsKept);
  EXPECT_LT(leased.size(), log::kEventsKept + 100);
  EXPECT_EQ(leased.back().what, "2999");
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[1].what, "2999");
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].id, last[1].id);
}

// Of a kind that each start tells a few of, too.
TEST(Database, KeepsTheLastEventsOverManyStarts) {
  const testing::ScratchFolder folder;
  const auto file = folder / "isocost.db";
  for (const int events : {1040, 1}) {
    auto store = SqliteStore::open(file);
    ASSERT_TRUE(store.has_value());
    (void)(*store)->open();
    for (int i = 0; i < events; ++i) (*store)->apply({core::RecordEvent{.kind = "lost"}});
    (*store)->commit();
  }

  auto reader = Reader::open(file);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ((*reader)->events({.after = 0, .limit = 5000, .kind = "lost"}).size(),
            log::kEventsKept);
}

// What the version before wrote is read as it is, and taken along when a coordinator opens it.
TEST(Database, TakesADatabaseOfSchemaFourAlong) {
  const testing::ScratchFolder folder;
  const auto file = folder / "isocost.db";
  {
    SQLite::Database raw(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    raw.exec(std::string(migrations()[0]));
    raw.exec("PRAGMA user_version = 4; PRAGMA application_id = " + std::to_string(kApplicationId));
    raw.exec("INSERT INTO meta VALUES ('database_id', 'kept')");
  }
  const auto before = (*Reader::open(file))->events({});

  {
    auto store = SqliteStore::open(file);
    ASSERT_TRUE(store.has_value()) << store.error().message();
    EXPECT_EQ((*store)->open().database, "kept");
    (*store)->apply({core::RecordEvent{.kind = "started"}});
    (*store)->commit();
  }

  EXPECT_TRUE(before.empty());
  EXPECT_EQ((*Reader::open(file))->events({}).size(), 1U);
}

}  // namespace
}  // namespace isocost::storage

#include "coordinator/storage/database.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/storage/migrations.h"
#include "coordinator/storage/reader.h"
#include "coordinator/storage/sqlite_store.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"

namespace isocost::storage {
namespace {

using testing::ScratchFolder;

TEST(Database, RefusesASecondCoordinatorAndNamesTheFirst) {
  const ScratchFolder folder;
  const auto first = SqliteStore::open(folder / "isocost.db");
  ASSERT_TRUE(first.has_value());

  const auto second = SqliteStore::open(folder / "isocost.db");

  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message().find("another coordinator (process " +
                                          std::to_string(::getpid()) + ") uses this database"),
            std::string::npos)
      << second.error().message();
}

TEST(Database, RefusesANewerSchema) {
  const ScratchFolder folder;
  {
    ASSERT_TRUE(SqliteStore::open(folder / "isocost.db").has_value());
  }
  {
    SQLite::Database raw((folder / "isocost.db").string(), SQLite::OPEN_READWRITE);
    raw.exec("PRAGMA user_version = 99");
  }

  const auto opened = SqliteStore::open(folder / "isocost.db");
  const auto reader = Reader::open(folder / "isocost.db");

  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message().find("a newer isocost wrote this (schema 99)"),
            std::string::npos);
  EXPECT_FALSE(reader.has_value());
}

TEST(Database, ReadsAnOlderSchemaAsItIsAndBringsItUpToDateToWrite) {
  const ScratchFolder folder;
  const auto file = folder / "isocost.db";
  {
    ASSERT_TRUE(SqliteStore::open(file).has_value());
    SQLite::Database raw(file.string(), SQLite::OPEN_READWRITE);
    raw.exec("DROP TABLE failed_attempts");
    raw.exec("PRAGMA user_version = 1");
  }

  const auto reader = Reader::open(file);
  ASSERT_TRUE(reader.has_value());
  EXPECT_TRUE((*reader)->snapshot().experiments.empty());
  auto store = SqliteStore::open(file);

  ASSERT_TRUE(store.has_value());
  EXPECT_EQ((*store)->open().epoch, 1U);
}

TEST(Database, RefusesAFileOfAnotherKind) {
  const ScratchFolder folder;
  testing::write_text(folder / "text.db", std::string(5000, 'x'));
  {
    SQLite::Database other((folder / "other.db").string(),
                           SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE t (a)");
  }

  EXPECT_FALSE(SqliteStore::open(folder / "text.db").has_value());
  EXPECT_FALSE(SqliteStore::open(folder / "other.db").has_value());
  EXPECT_FALSE(SqliteStore::open(folder / "missing" / "isocost.db").has_value());
  EXPECT_FALSE(Reader::open(folder / "missing.db").has_value());
}

TEST(Database, NoticesDamageAfterAnUncleanStop) {
  const ScratchFolder folder;
  const auto file = folder / "isocost.db";
  {
    auto store = SqliteStore::open(file);
    (void)(*store)->open();
    const Submission submission = testing::submission_of({.models = 20});
    auto plan = core::plan_submission(submission, (*store)->existing(submission));
    (*store)->apply(
        {core::InsertSubmission{std::make_shared<core::SubmissionPlan>(std::move(*plan))}});
    (*store)->commit();
  }
  {
    SQLite::Database raw(file.string(), SQLite::OPEN_READWRITE);
    raw.exec("UPDATE meta SET value = '1' WHERE key = 'is_open'");
    raw.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  std::string bytes = testing::read_text(file);
  ASSERT_GT(bytes.size(), 40'000U);
  for (std::size_t i = 12'288; i < 32'768; ++i) bytes[i] = static_cast<char>(0x5A);
  testing::write_text(file, bytes);

  const auto opened = SqliteStore::open(file);

  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message().find("damaged"), std::string::npos)
      << opened.error().message();
}

TEST(Database, SaysThatTheDiskIsFullAndKeepsWhatWasCommitted) {
  const ScratchFolder folder;
  auto database = WritableDatabase::open(folder / "isocost.db");
  ASSERT_TRUE(database.has_value());
  SQLite::Database& connection = (*database)->connection();
  const int pages = connection.execAndGet("PRAGMA page_count").getInt();
  connection.exec("PRAGMA max_page_count = " + std::to_string(pages + 4));
  std::string sentence;

  try {
    connection.exec("BEGIN IMMEDIATE");
    for (int i = 0; i < 100; ++i)
      connection.exec("INSERT INTO meta VALUES ('k" + std::to_string(i) +
                      "', hex(zeroblob(4000)))");
  } catch (const SQLite::Exception& fault) {
    sentence = explain(fault, "isocost.db");
  }

  EXPECT_EQ(sentence,
            "isocost.db: the disk is full; expected room: make some and start again, since nothing "
            "that was acknowledged is lost");
  database->reset();
  auto again = SqliteStore::open(folder / "isocost.db");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ((*again)->open().epoch, 1U);
}

TEST(Reader, ReadsWhileACoordinatorWrites) {
  const ScratchFolder folder;
  auto store = SqliteStore::open(folder / "isocost.db");
  (void)(*store)->open();
  const Submission submission = testing::submission_of();
  auto plan = core::plan_submission(submission, (*store)->existing(submission));
  (*store)->apply(
      {core::InsertSubmission{std::make_shared<core::SubmissionPlan>(std::move(*plan))}});
  auto reader = Reader::open(folder / "isocost.db");
  ASSERT_TRUE(reader.has_value());

  EXPECT_TRUE((*reader)->snapshot().experiments.empty());
  (*store)->commit();
  const core::Snapshot snapshot = (*reader)->snapshot();

  ASSERT_EQ(snapshot.experiments.size(), 1U);
  EXPECT_EQ(snapshot.experiments[0].cells, 4U);
  const auto again = core::plan_submission(submission, (*reader)->existing(submission));
  EXPECT_TRUE(again->units.empty());
}

}  // namespace
}  // namespace isocost::storage

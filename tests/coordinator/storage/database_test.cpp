#include "coordinator/storage/database.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>

#include "coordinator/storage/file_system.h"
#include "coordinator/storage/migrations.h"
#include "coordinator/storage/reader.h"
#include "coordinator/storage/sqlite_store.h"
#include "schema/units/kind.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"

namespace isocost::storage {
namespace {

using ::testing::HasSubstr;
using testing::ScratchFolder;

// 0: `holds` was true. Root may write anywhere, so the process becomes another user.
int in_a_process_without_rights(const std::function<bool()>& holds) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) != 0) ::_exit(2);
    const __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2]{};
    if (::syscall(SYS_capset, &header, none) != 0) ::_exit(3);
    ::_exit(holds() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

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

// Whoever removes the lock file does not open the door.
TEST(Database, RefusesASecondCoordinatorWhoseLockFileIsGone) {
  const ScratchFolder folder;
  const auto first = SqliteStore::open(folder / "isocost.db");
  ASSERT_TRUE(first.has_value());
  std::filesystem::remove(folder / "isocost.db.lock");

  const pid_t other = ::fork();
  if (other == 0) ::_exit(SqliteStore::open(folder / "isocost.db").has_value() ? 1 : 0);
  int status = 0;
  ::waitpid(other, &status, 0);

  EXPECT_EQ(status, 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "isocost.db.lock"));
}

// A descriptor that is opened and closed once more would end SQLite's locks.
TEST(Database, KeepsItsLocksWhenTheSameProcessIsRefusedASecondTime) {
  const ScratchFolder folder;
  const auto first = SqliteStore::open(folder / "isocost.db");
  (void)(*first)->open();
  const auto locks = [] {
    std::string found;
    std::ifstream lines("/proc/locks");
    for (std::string line; std::getline(lines, line);)
      if (line.find(" " + std::to_string(::getpid()) + " ") != std::string::npos)
        found += line.substr(line.find(':')) + "\n";
    return found;
  };
  const std::string before = locks();

  EXPECT_FALSE(SqliteStore::open(folder / "isocost.db").has_value());

  EXPECT_NE(before.find("POSIX"), std::string::npos) << before;
  EXPECT_EQ(locks(), before);
}

TEST(Database, WarnsOfFileSystemsThatMayBeUnsafeAndRefusesThoseOfNetworks) {
  EXPECT_FALSE(file_system_of(0xEF53U).has_value());  // ext4
  for (const std::uint32_t doubtful : {0x65735546U, 0x01021997U}) {
    ASSERT_TRUE(file_system_of(doubtful).has_value());
    EXPECT_FALSE(file_system_of(doubtful)->is_network);
  }
  EXPECT_EQ(file_system_of(0x65735546U)->name, "FUSE");
  EXPECT_EQ(file_system_of(0x01021997U)->name, "9p");
  EXPECT_TRUE(file_system_of(0x6969U)->is_network);
}

// A database with a submission and one result, as it lies there after its process was killed; the
// results that were acknowledged are `results`.
class CutShort : public ::testing::Test {
 protected:
  void SetUp() override {
    const pid_t coordinator = ::fork();
    if (coordinator == 0) {
      auto store = SqliteStore::open(file());
      // So that the log's last bytes are those of the last commit.
      SQLite::Database(file().string(), SQLite::OPEN_READWRITE)
          .exec("PRAGMA wal_checkpoint(TRUNCATE)");
      (void)(*store)->open();
      const Submission submission = testing::submission_of({.models = 1, .steps = {4}});
      auto plan = std::make_shared<core::SubmissionPlan>(
          *core::plan_submission(submission, (*store)->existing(submission)));
      (*store)->apply({core::InsertSubmission{plan}});
      (*store)->commit();
      UnitResult result;
      result.unit = plan->units[0].name;
      (*store)->apply({core::FinishUnit{plan->units[0].id, result, "w", {1, 1}}});
      (*store)->commit();
      ::_exit(0);  // nothing is closed
    }
    int status = 0;
    ::waitpid(coordinator, &status, 0);
    ASSERT_EQ(status, 0);
  }
  [[nodiscard]] std::filesystem::path file() const { return folder / "isocost.db"; }
  [[nodiscard]] std::filesystem::path log() const { return folder / "isocost.db-wal"; }

  void expect_refused(const std::string& what) {
    const auto opened = SqliteStore::open(file());
    ASSERT_FALSE(opened.has_value());
    EXPECT_NE(opened.error().message().find(what), std::string::npos) << opened.error().message();
    EXPECT_NE(opened.error().message().find("--accept-loss"), std::string::npos);
  }

  ScratchFolder folder;
};

TEST_F(CutShort, OpensWhenItIsWhole) {
  EXPECT_EQ(what_is_missing(file()), std::nullopt);

  auto opened = SqliteStore::open(file());

  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  EXPECT_EQ((*opened)->open().epoch, 2U);
}

TEST_F(CutShort, SaysWhatIsMissingWhenItsLogIsGone) {
  std::filesystem::remove(log());
  std::filesystem::remove(folder / "isocost.db-shm");

  expect_refused("1 of 1 acknowledged results are missing, and the last 3 of 3 commits");
  const auto said = what_is_missing(file());
  ASSERT_TRUE(said.has_value());  // though there is nothing that a reader could read
  EXPECT_NE(said->find("1 of 1 acknowledged results are missing"), std::string::npos) << *said;
}

TEST_F(CutShort, SaysWhatIsMissingWhenTheEndOfItsLogIsGone) {
  const auto bytes = std::filesystem::file_size(log());
  std::filesystem::resize_file(log(), bytes - 100);

  expect_refused("1 of 1 acknowledged results are missing, and the last 1 of 3 commits");
  ASSERT_TRUE(what_is_missing(file()).has_value());
  EXPECT_NE(what_is_missing(file())->find("1 of 1 acknowledged results"), std::string::npos);
  // Refusing changed nothing: it says so again.
  expect_refused("1 of 1 acknowledged results are missing, and the last 1 of 3 commits");
}

TEST_F(CutShort, SaysWhatIsMissingWhenTheFileItselfIsGone) {
  std::filesystem::remove(file());
  std::filesystem::remove(log());

  expect_refused("1 of 1 acknowledged results are missing");
  EXPECT_TRUE(what_is_missing(file()).has_value());
}

TEST_F(CutShort, GoesOnWithTheLossWhenItIsAccepted) {
  std::filesystem::resize_file(log(), std::filesystem::file_size(log()) - 100);
  {
    auto opened = SqliteStore::open(file(), {.accepts_loss = true});
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    ASSERT_EQ((*opened)->warnings().size(), 1U);
    const core::OpenState state = (*opened)->open();
    EXPECT_EQ(state.epoch, 2U);
    EXPECT_EQ(state.units.size(), 4U);  // the result is gone, its unit is there
  }

  EXPECT_TRUE(SqliteStore::open(file()).has_value());  // and it was said once
}

TEST_F(CutShort, GivesNoEpochTwiceThoughTheDatabaseForgotIt) {
  {
    (void)(*SqliteStore::open(file()))->open();
  }  // epoch 2
  const std::string whole = testing::read_text(file());
  {
    (void)(*SqliteStore::open(file()))->open();
  }  // epoch 3
  testing::write_text(file(), whole);  // an older copy takes its place

  expect_refused("the last 1 of 5 commits");
  auto opened = SqliteStore::open(file(), {.accepts_loss = true});

  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ((*opened)->open().epoch, 4U);
}

TEST_F(CutShort, SaysThatTheMarkCannotBeRead) {
  // Empty ones are none of ours: the first is written whole.
  for (const char* text : {"{\"commits\": tru", ""}) {
    testing::write_text(folder / "isocost.db.acknowledged", text);

    expect_refused("how far it was acknowledged cannot be read");
  }
}

TEST_F(CutShort, SaysThatTheMarkIsGone) {
  std::filesystem::remove(folder / "isocost.db.acknowledged");
  std::filesystem::resize_file(log(), std::filesystem::file_size(log()) - 100);

  expect_refused("it was not closed, and the note of what was acknowledged");
  EXPECT_THAT(what_is_missing(file()), ::testing::Optional(HasSubstr("was not closed")));
}

TEST_F(CutShort, SaysThatMarkAndLogAreGone) {
  for (const char* beside : {"isocost.db.acknowledged", "isocost.db-wal", "isocost.db-shm"})
    std::filesystem::remove(folder / beside);

  expect_refused("if its log (-wal) went too, the last results are missing");
  EXPECT_THAT(what_is_missing(file()), ::testing::Optional(HasSubstr("was not closed")));
  auto opened = SqliteStore::open(file(), {.accepts_loss = true});
  ASSERT_TRUE(opened.has_value()) << opened.error().message();
  EXPECT_EQ((*opened)->warnings().size(), 1U);
}

TEST_F(CutShort, TakesACopyOfAnOpenDatabaseForWhole) {
  {
    auto original = SqliteStore::open(file());
    ASSERT_TRUE(original.has_value());
    (void)(*original)->open();
    SQLite::Database(file().string(), SQLite::OPEN_READONLY)
        .exec("VACUUM INTO '" + (folder / "copy.db").string() + "'");
  }

  EXPECT_EQ(what_is_missing(folder / "copy.db"), std::nullopt);
  EXPECT_TRUE(SqliteStore::open(folder / "copy.db").has_value());
}

TEST_F(CutShort, SaysThatItsLogIsALinkToNothing) {
  std::filesystem::remove(log());
  std::filesystem::create_symlink("elsewhere", log());

  const auto opened = SqliteStore::open(file());

  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().message(),
              HasSubstr("isocost.db-wal: this is a link to elsewhere, which is missing"));
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

TEST(Database, RefusesAnOlderSchemaAndSaysWhatToDo) {
  const ScratchFolder folder;
  const auto file = folder / "isocost.db";
  {
    ASSERT_TRUE(SqliteStore::open(file).has_value());
    SQLite::Database raw(file.string(), SQLite::OPEN_READWRITE);
    raw.exec("PRAGMA user_version = 3");
  }
  const std::string before = testing::read_text(file);

  const auto opened = SqliteStore::open(file);
  const auto reader = Reader::open(file);

  for (const auto& message : {opened.error().message(), reader.error().message()}) {
    EXPECT_NE(message.find("an older isocost wrote this (schema 3)"), std::string::npos) << message;
    EXPECT_NE(message.find("the older isocost"), std::string::npos) << message;
  }
  EXPECT_EQ(testing::read_text(file), before);
}

// Who opens it with SQLite's own tools finds the words, and code and database agree on the numbers.
TEST(Database, SaysWhatItsNumbersMean) {
  const ScratchFolder folder;
  const auto file = folder / "isocost.db";
  ASSERT_TRUE(SqliteStore::open(file).has_value());
  SQLite::Database raw(file.string(), SQLite::OPEN_READONLY);
  const auto words = [&](const char* sql) {
    std::map<int, std::string> found;
    for (SQLite::Statement rows(raw, sql); rows.executeStep();)
      found[rows.getColumn(0).getInt()] = rows.getColumn(1).getString();
    return found;
  };
  std::map<int, std::string> kinds, states;
  for (const units::Kind& row : units::kinds()) kinds[static_cast<int>(row.kind)] = row.name;
  for (const UnitState state : units::states())
    states[static_cast<int>(state)] = units::state_name(state);

  EXPECT_EQ(words("SELECT kind, name FROM unit_kinds"), kinds);
  EXPECT_EQ(words("SELECT state, name FROM unit_states"), states);
  for (const auto& [index, state] :
       {std::pair("units_open", "#open"), std::pair("units_failed", "#failed"),
        std::pair("units_open_by_sample", "#open")}) {
    SQLite::Statement made(raw, "SELECT sql FROM sqlite_schema WHERE name = ?");
    made.bind(1, index);
    ASSERT_TRUE(made.executeStep());
    EXPECT_NE(
        made.getColumn(0).getString().find(units::with_numbers(std::string("state = ") + state)),
        std::string::npos)
        << index;
  }
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

// In a folder where nothing can be made SQLite finds no place for the file that readers share.
TEST(Reader, ReadsInAFolderThatCannotBeWritten) {
  const ScratchFolder folder;
  const auto file = folder / "a%20b?c" / "isocost.db";
  std::filesystem::create_directories(file.parent_path());
  {
    (void)(*SqliteStore::open(file))->open();
  }
  std::filesystem::permissions(
      file.parent_path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);

  const int status = in_a_process_without_rights([&] {
    const auto reader = Reader::open(file);
    if (!reader) std::cerr << reader.error().message() << "\n";
    return reader && !(*reader)->snapshot().database.empty();
  });

  std::filesystem::permissions(file.parent_path(), std::filesystem::perms::owner_all);
  EXPECT_EQ(status, 0);
}

// What a killed coordinator left is in the log; a reader that cannot see it must not tell less.
TEST_F(CutShort, IsNotReadWithoutItsLogInAFolderThatCannotBeWritten) {
  std::filesystem::remove(folder / "isocost.db-shm");
  std::filesystem::permissions(
      folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);

  const int status = in_a_process_without_rights([&] {
    const auto reader = Reader::open(file());
    if (reader) return (*reader)->snapshot().units.done == 1;  // it found a way to read all of it
    return reader.error().message().find("cannot be read in this folder; expected") !=
           std::string::npos;
  });

  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  EXPECT_EQ(status, 0);
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

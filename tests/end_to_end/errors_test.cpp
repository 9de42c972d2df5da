// What goes wrong around a study, with real processes: each fault is one sentence that says where,
// what and what was expected, ends non-zero, leaves nothing half done, and the next start goes on.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/json.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"

namespace isocost {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Finished;
using ::testing::HasSubstr;
using testing::Process;
using testing::program;
using testing::run;
using testing::ScratchFolder;
using testing::submission_of;
using Words = std::vector<std::string>;

// One line that a person can act on.
void expect_one_sentence(const Finished& ended, const std::string& where, const std::string& what) {
  EXPECT_NE(ended.status, 0) << ended.output;
  EXPECT_EQ(std::count(ended.output.begin(), ended.output.end(), '\n'), 1) << ended.output;
  EXPECT_THAT(ended.output, ::testing::StartsWith("isocost"));
  EXPECT_THAT(ended.output, HasSubstr(where));
  EXPECT_THAT(ended.output, HasSubstr(what));
  EXPECT_THAT(ended.output, HasSubstr("; expected "));
}

// Without the right to write everywhere, which root has.
Words as_plain_user(Words command) {
  if (::geteuid() == 0)
    command.insert(command.begin(),
                   {"/usr/bin/setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"});
  return command;
}

Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Pairs of an option and its value, which replaces the one that is there.
Words with(Words words, const Words& pairs) {
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const auto option = std::find(words.begin(), words.end(), pairs[i]);
    if (option == words.end())
      words = joined(words, {pairs[i], pairs[i + 1]});
    else
      *(option + 1) = pairs[i + 1];
  }
  return words;
}

std::size_t entries_of(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

class ErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(disk());
    testing::write_text(grid(), to_json(submission).dump());
  }

  // What may become full or read-only lies below.
  [[nodiscard]] fs::path disk() const { return folder / "disk"; }
  [[nodiscard]] fs::path grid() const { return folder / "grid.json"; }
  [[nodiscard]] fs::path database() const { return disk() / "isocost.db"; }

  Words run_command(const fs::path& out, const Words& more = {}) {
    Words command{program("isocost"),
                  "run",
                  grid().string(),
                  "--workers",
                  "2",
                  "--out",
                  out.string(),
                  "--worker-program",
                  program("isocost-fake-worker")};
    for (const std::string& input : testing::inputs_of(submission))
      command = joined(command, {"--worker-argument=--input", "--worker-argument=" + input});
    return joined(command, more);
  }

  // On ports of its own, so that it can come back where it was.
  Words coordinator(const Words& more = {}) {
    return with({program("isocost"), "coordinator", "--db", database().string(), "--listen", link,
                 "--http", http, "--lease-seconds", "4"},
                more);
  }

  Words worker(const std::string& name, const Words& more = {}) {
    Words command{
        program("isocost-fake-worker"), "serve",     "--connect", link, "--name", name, "--state",
        (folder / name).string(),       "--unit-ms", "100"};
    for (const std::string& input : testing::inputs_of(submission))
      command = joined(command, {"--input", input});
    return with(command, more);
  }

  static void wait_for_text(const Process& process, const std::string& text) {
    testing::wait_until([&] { return process.log().find(text) != std::string::npos; }, 60s, text,
                        [&] { return process.log(); });
  }

  void submit() {
    const Finished ended =
        run({program("isocost"), "submit", grid().string(), "--coordinator", http}, 30s);
    ASSERT_EQ(ended.status, 0) << ended.output;
  }

  // Unit -> what was committed first, as it is stored.
  std::map<std::string, std::string> results(const fs::path& file) {
    std::map<std::string, std::string> found;
    if (!fs::exists(file)) return found;
    try {
      SQLite::Database database(file.string(), SQLite::OPEN_READONLY, 5000);
      SQLite::Statement rows(database,
                             "SELECT u.name, r.attempt || ' ' || hex(r.digest) || ' ' ||"
                             " r.committed_ms FROM results r JOIN units u ON u.id = r.unit");
      while (rows.executeStep())
        found[rows.getColumn(0).getString()] = rows.getColumn(1).getString();
    } catch (const SQLite::Exception&) {
      // Not made yet.
    }
    return found;
  }
  void wait_for_results(const fs::path& file, std::size_t count, const Process& process) {
    testing::wait_until([&] { return results(file).size() >= count; }, 60s,
                        std::to_string(count) + " results", [&] { return process.log(); });
  }
  // That all of `before` is still there, unchanged: nothing was lost, nothing computed again.
  void expect_kept(const std::map<std::string, std::string>& before, const fs::path& file) {
    const auto after = results(file);
    EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
  }

  ScratchFolder folder;
  Submission submission = submission_of({.images = 256});
  const std::string link = "tcp://127.0.0.1:" + std::to_string(testing::free_port());
  const std::string http = "http://127.0.0.1:" + std::to_string(testing::free_port());
};

constexpr std::size_t kUnits = 4 * 4 + 1 + 4;  // ranges of images, the reference, scores

TEST_F(ErrorsTest, APortInUseLeavesNoDatabase) {
  Process first(coordinator(), folder / "log");
  wait_for_text(first, "workers connect to");
  fs::create_directories(folder / "other");
  const std::string other = (folder / "other" / "isocost.db").string();

  const Finished listen =
      run({program("isocost"), "coordinator", "--db", other, "--no-http", "--listen", link}, 30s);
  const Finished page = run({program("isocost"), "coordinator", "--db", other, "--listen",
                             "tcp://127.0.0.1:0", "--http", http},
                            30s);

  expect_one_sentence(listen, link, "the port is in use");
  expect_one_sentence(page, http, "in use");
  EXPECT_EQ(entries_of(folder / "other"), 0U);
}

TEST_F(ErrorsTest, ASecondCoordinatorIsRefusedAndTheFirstGoesOn) {
  Process first(coordinator(), folder / "log");
  wait_for_text(first, "workers connect to");
  submit();
  const std::string who = "another coordinator (process " + std::to_string(first.pid()) + ")";

  const Finished second = run({program("isocost"), "coordinator", "--db", database().string(),
                               "--no-http", "--listen", "tcp://127.0.0.1:0"},
                              30s);
  const Finished study = run(run_command(disk()), 30s);

  expect_one_sentence(second, database().string(), who);
  expect_one_sentence(study, database().string(), who);
  const Process helping(worker("w1"), folder / "w1.log");
  wait_for_results(database(), kUnits, first);
}

TEST_F(ErrorsTest, AFolderThatCannotBeWrittenIsNamed) {
  fs::permissions(disk(), fs::perms::owner_read | fs::perms::owner_exec);

  const Finished made = run(as_plain_user(run_command(disk() / "out")), 30s);
  const Finished there = run(as_plain_user(run_command(disk())), 30s);
  const Finished served = run(as_plain_user(coordinator()), 30s);
  const Finished worked =
      run(as_plain_user(worker("w1", {"--state", (disk() / "w1").string()})), 30s);

  fs::permissions(disk(), fs::perms::owner_all);
  expect_one_sentence(made, (disk() / "out").string(), "Permission denied");
  expect_one_sentence(there, disk().string(), "cannot be written");
  expect_one_sentence(served, disk().string(), "cannot be written");
  expect_one_sentence(worked, (disk() / "w1").string(), "Permission denied");
  EXPECT_EQ(entries_of(disk()), 0U);
}

TEST_F(ErrorsTest, AReportThatCannotBeWrittenIsNamed) {
  ASSERT_EQ(run(run_command(folder / "out"), 60s).status, 0);
  fs::permissions(disk(), fs::perms::owner_read | fs::perms::owner_exec);

  const Finished report =
      run(as_plain_user({program("isocost"), "report", "study", "--db",
                         (folder / "out" / "isocost.db").string(), "--out", disk().string()}),
          60s);

  fs::permissions(disk(), fs::perms::owner_all);
  EXPECT_NE(report.status, 0);
  EXPECT_EQ(std::count(report.output.begin(), report.output.end(), '\n'), 1) << report.output;
  EXPECT_THAT(report.output, HasSubstr(disk().string()));
  EXPECT_EQ(entries_of(disk()), 0U);
}

TEST_F(ErrorsTest, AMissingWorkerProgramMakesNoFolder) {
  Words command = run_command(disk() / "out");
  std::replace(command.begin(), command.end(), program("isocost-fake-worker"),
               std::string("/no/such/program"));

  const Finished ended = run(command, 30s);

  expect_one_sentence(ended, "/no/such/program", "there is no such program");
  EXPECT_EQ(entries_of(disk()), 0U);
}

TEST_F(ErrorsTest, AWorkerThatIsNotListedIsRefused) {
  const fs::path keys = folder / "keys";
  ASSERT_EQ(run({program("isocost"), "keys", "generate", "coordinator", "w1", "w2", "--out",
                 keys.string()},
                30s)
                .status,
            0);
  fs::create_directories(folder / "allow");
  fs::copy_file(keys / "w1.key", folder / "allow" / "w1.key");
  const Process first(coordinator({"--key", (keys / "coordinator.secret").string(), "--allow",
                                   (folder / "allow").string()}),
                      folder / "log");
  wait_for_text(first, "workers connect to");
  submit();
  const auto with_key = [&](const std::string& name) {
    return worker(name, {"--key", (keys / (name + ".secret")).string(), "--server-key",
                         (keys / "coordinator.key").string()});
  };

  const Finished unlisted = run(with_key("w2"), 30s);
  const Finished without = run(worker("w3"), 30s);
  const Process listed(with_key("w1"), folder / "w1.log");
  wait_for_results(database(), kUnits, first);

  EXPECT_EQ(unlisted.status, 2);
  EXPECT_EQ(without.status, 2);
  for (const Finished& refused : {unlisted, without}) {
    EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr("coordinator"));
    EXPECT_THAT(refused.output, HasSubstr("; expected "));
  }
}

// Many workers out of one secret, as a scheduler starts them.
TEST_F(ErrorsTest, AWorkerOfAPoolIsCalledAfterItsNumber) {
  const std::string keys = (folder / "keys").string();
  const std::string isocost = program("isocost");
  ASSERT_EQ(run({isocost, "keys", "generate", "coordinator", "--out", keys}, 30s).status, 0);
  ASSERT_EQ(run({isocost, "keys", "pool", "array", "--count", "2", "--out", keys}, 30s).status, 0);
  const Process first(coordinator({"--key", keys + "/coordinator.secret", "--allow", keys}),
                      folder / "log");
  wait_for_text(first, "workers connect to");
  submit();
  const auto with = [&](const std::string& folder_name, const std::string& number) {
    return worker(folder_name, {"--key", keys + "/array.secret", "--key-number", number,
                                "--server-key", keys + "/coordinator.key"});
  };

  const Finished beyond = run(with("w3", "3"), 30s);
  const Process one(with("w1", "1"), folder / "w1.log"), two(with("w2", "2"), folder / "w2.log");

  EXPECT_EQ(beyond.status, 2);
  EXPECT_THAT(beyond.output, HasSubstr("the pool has no key 3; expected a number from 1 to 2"));
  std::string status;
  testing::wait_until(
      [&] {
        status = run({isocost, "status", "--coordinator", http}, 30s).output;
        return status.find("array-1") != std::string::npos &&
               status.find("array-2") != std::string::npos;
      },
      60s, "two workers of the pool", [&] { return status + one.log() + two.log(); });
  wait_for_results(database(), kUnits, first);
}

// --- a full disk ----------------------------------------------------------------------------

class FullDiskTest : public ErrorsTest {
 protected:
  Words on_the_disk(Words command) const {
    const char* options = std::getenv("ASAN_OPTIONS");
    const std::string before = options == nullptr ? "" : std::string(options) + ":";
    command.insert(command.begin(),
                   {"/usr/bin/env", "LD_PRELOAD=" ISOCOST_BINARY_DIR "/tests/libfull_disk.so",
                    "ISOCOST_FULL_DISK=" + disk().string(),
                    "ASAN_OPTIONS=" + before + "verify_asan_link_order=0"});
    return command;
  }
  void fill() { testing::write_text(folder / "disk.full", ""); }
  void make_room() { fs::remove(folder / "disk.full"); }
};

TEST_F(FullDiskTest, EndsARunThatGoesOnWhenThereIsRoom) {
  const fs::path out = disk() / "out";
  const Words command =
      on_the_disk(run_command(out, {"--worker-argument=--unit-ms", "--worker-argument=200"}));
  Process first(command, folder / "log");
  wait_for_results(out / "isocost.db", 3, first);

  fill();
  const int status = first.wait(60s);
  const auto before = results(out / "isocost.db");
  make_room();
  const Finished again = run(command, 2min);

  EXPECT_THAT(status, ::testing::AnyOf(1, 5)) << first.log();  // its own disk, or its workers'
  EXPECT_THAT(first.log(), ::testing::AnyOf(HasSubstr("the disk is full; expected room"),
                                            HasSubstr("found no room on its disk")));
  EXPECT_LT(before.size(), kUnits);
  EXPECT_EQ(again.status, 0) << again.output;
  expect_kept(before, out / "isocost.db");
  EXPECT_EQ(results(out / "isocost.db").size(), kUnits);
}

TEST_F(FullDiskTest, StartsNothingAndLeavesNothing) {
  fill();

  const Finished served = run(on_the_disk(coordinator()), 30s);
  const Finished study = run(on_the_disk(run_command(disk() / "out")), 30s);

  expect_one_sentence(served, database().string(), "No space left on device");
  expect_one_sentence(study, (disk() / "out" / "isocost.db").string(), "No space left on device");
  EXPECT_EQ(entries_of(disk()), 0U);
}

// The coordinator's disk: it ends; its workers keep what they have, and re-attach.
TEST_F(FullDiskTest, EndsACoordinatorWhoseWorkersKeepTheirResults) {
  std::optional<Process> first(std::in_place, on_the_disk(coordinator()), folder / "log");
  wait_for_text(*first, "workers connect to");
  submit();
  const Process helping(worker("w1"), folder / "w1.log");
  wait_for_results(database(), 3, *first);

  fill();
  const int status = first->wait(60s);
  const std::string log = first->log();
  const auto before = results(database());
  make_room();
  first.emplace(on_the_disk(coordinator()), folder / "log2");
  wait_for_results(database(), kUnits, *first);

  EXPECT_EQ(status, 1) << log;
  EXPECT_THAT(log, ::testing::AnyOf(HasSubstr("the disk is full; expected room"),
                                    HasSubstr("No space left on device; expected")));
  EXPECT_LT(before.size(), kUnits);
  expect_kept(before, database());
}

// A worker's disk: it hands back what it computes, and another worker finishes.
TEST_F(FullDiskTest, EndsAWorkerAndBlamesNoUnit) {
  const Process first(coordinator({"--db", (folder / "isocost.db").string()}), folder / "log");
  wait_for_text(first, "workers connect to");
  submit();
  Process crowded(on_the_disk(worker("w1", {"--state", (disk() / "w1").string(), "--artifacts",
                                            (disk() / "w1" / "artifacts").string()})),
                  folder / "w1.log");
  wait_for_results(folder / "isocost.db", 2, first);

  fill();
  const int status = crowded.wait(60s);
  const Process other(worker("w2"), folder / "w2.log");
  wait_for_results(folder / "isocost.db", kUnits, first);

  EXPECT_EQ(status, 4) << crowded.log();
  EXPECT_THAT(crowded.log(), HasSubstr("No space left on device"));
  SQLite::Database stored((folder / "isocost.db").string(), SQLite::OPEN_READONLY, 5000);
  EXPECT_EQ(stored.execAndGet("SELECT sum(attempts) FROM units").getInt(), 0);
}

// --- SIGTERM --------------------------------------------------------------------------------

TEST_F(ErrorsTest, ACoordinatorEndsOnSigtermAndGoesOnWithItsWorkers) {
  std::optional<Process> first(std::in_place, coordinator(), folder / "log");
  wait_for_text(*first, "workers connect to");
  submit();
  Process helping(worker("w1"), folder / "w1.log");
  wait_for_results(database(), 3, *first);

  first->kill(SIGTERM);
  EXPECT_EQ(first->wait(30s), 0) << first->log();
  EXPECT_FALSE(fs::exists(database().string() + "-wal"));  // folded into the file
  const auto before = results(database());
  first.emplace(coordinator(), folder / "log2");
  wait_for_results(database(), kUnits, *first);

  expect_kept(before, database());
  EXPECT_EQ(helping.status(), std::nullopt);  // the same process all along
}

TEST_F(ErrorsTest, AWorkerFinishesOnSigtermOrHandsBack) {
  Process first(coordinator(), folder / "log");
  wait_for_text(first, "workers connect to");
  submit();
  Process finishing(worker("w1", {"--unit-ms", "600"}), folder / "w1.log");
  wait_for_results(database(), 1, first);
  Process handing(worker("w2", {"--unit-ms", "60000", "--grace", "0"}), folder / "w2.log");
  wait_for_text(handing, "attached");

  finishing.kill(SIGTERM);
  EXPECT_EQ(finishing.wait(30s), 0) << finishing.log();
  EXPECT_THAT(finishing.log(), HasSubstr("0 units handed back, 0 outcomes wait"));
  handing.kill(SIGTERM);
  EXPECT_EQ(handing.wait(30s), 0) << handing.log();
  EXPECT_THAT(handing.log(), HasSubstr("1 units handed back"));
  const Process last(worker("w3"), folder / "w3.log");
  wait_for_results(database(), kUnits, first);

  SQLite::Database stored(database().string(), SQLite::OPEN_READONLY, 5000);
  EXPECT_EQ(stored.execAndGet("SELECT sum(attempts + lost_workers) FROM units").getInt(), 0)
      << stored
             .execAndGet(
                 "SELECT group_concat(name || ': ' || failure_reason, '; ') FROM units"
                 " WHERE attempts + lost_workers > 0")
             .getString()
      << "\n"
      << first.log() << finishing.log() << handing.log();
}

TEST_F(ErrorsTest, ARunEndsOnSigtermAndGoesOnWhereItWas) {
  const Words command =
      run_command(disk(), {"--worker-argument=--unit-ms", "--worker-argument=200"});
  Process first(command, folder / "log");
  wait_for_results(database(), 3, first);

  first.kill(SIGTERM);
  EXPECT_EQ(first.wait(60s), 128 + SIGTERM) << first.log();
  const auto before = results(database());
  const Finished again = run(command, 2min);

  EXPECT_GE(before.size(), 3U);
  EXPECT_LT(before.size(), kUnits);
  EXPECT_EQ(again.status, 0) << again.output;
  expect_kept(before, database());
  SQLite::Database stored(database().string(), SQLite::OPEN_READONLY, 5000);
  EXPECT_EQ(stored.execAndGet("SELECT sum(attempts + lost_workers) FROM units").getInt(), 0);
}

}  // namespace
}  // namespace isocost

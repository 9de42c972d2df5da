// What a study survives, with real processes: a log that was cut, a coordinator that was stopped
// for a while, a folder that cannot be written.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"

namespace isocost {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Finished;
using ::testing::HasSubstr;
using testing::HttpClient;
using testing::Process;
using testing::program;
using testing::run;
using testing::ScratchFolder;
using testing::submission_of;
using Words = std::vector<std::string>;

// Without the right to write everywhere, which root has.
Words without_rights(Words command) {
  if (::geteuid() == 0)
    command.insert(command.begin(),
                   {"/usr/bin/setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"});
  return command;
}

std::size_t times_in(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

class RecoveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_text(folder / "grid.json", to_json(submission).dump());
    fs::create_directories(study());
  }

  [[nodiscard]] fs::path study() const { return folder / "study"; }
  [[nodiscard]] fs::path database() const { return study() / "isocost.db"; }
  [[nodiscard]] std::string grid() const { return (folder / "grid.json").string(); }

  [[nodiscard]] Words coordinator(const Words& more = {}) const {
    Words words{program("isocost"), "coordinator", "--db",   database().string(),
                "--listen",         link,          "--http", http};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  [[nodiscard]] Words worker(const std::string& name, const Words& more = {}) const {
    Words words{
        program("isocost-fake-worker"), "serve", "--connect", link, "--name", name, "--state",
        (folder / name).string()};
    for (const std::string& input : testing::inputs_of(submission))
      words.insert(words.end(), {"--input", input});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  [[nodiscard]] Words run_command(const Words& more = {}) const {
    Words words{program("isocost"),
                "run",
                grid(),
                "--workers",
                "1",
                "--out",
                study().string(),
                "--worker-program",
                program("isocost-fake-worker")};
    for (const std::string& input : testing::inputs_of(submission))
      words.insert(words.end(), {"--worker-argument=--input", "--worker-argument=" + input});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  void wait_for_coordinator(const Process& process) const {
    testing::wait_until([&] { return HttpClient(http).get("/api/v1/status").has_value(); }, 30s,
                        "the coordinator", [&] { return process.log(); });
  }
  void submit() const {
    const auto answer = HttpClient(http).post("/api/v1/experiments", to_json(submission));
    ASSERT_TRUE(answer) << answer.error().message();
  }
  [[nodiscard]] std::uint64_t units(const char* state) const {
    const auto status = HttpClient(http).get("/api/v1/status");
    return status ? status->at("units").at(state).get<std::uint64_t>() : 0;
  }
  void wait_for_done(std::uint64_t count, const Process& process) const {
    testing::wait_until([&] { return units("done") >= count; }, 90s,
                        std::to_string(count) + " units", [&] { return process.log(); });
  }
  [[nodiscard]] int stored(const char* question) const {
    SQLite::Database rows(database().string(), SQLite::OPEN_READONLY, 5000);
    return rows.execAndGet(question).getInt();
  }

  ScratchFolder folder;
  Submission submission = submission_of({.models = 1, .steps = {4}, .images = 512});
  const std::string link = "tcp://127.0.0.1:" + std::to_string(testing::free_port());
  const std::string http = "http://127.0.0.1:" + std::to_string(testing::free_port());
};

constexpr std::uint64_t kUnits = 8 + 1 + 1;  // ranges of images, the reference, the score

TEST_F(RecoveryTest, ReadsAStudyInAFolderThatCannotBeWritten) {
  ASSERT_EQ(run(run_command(), 60s).status, 0);
  fs::permissions(study(), fs::perms::owner_read | fs::perms::owner_exec);
  const auto read = [&](Words words) {
    words.insert(words.begin(), program("isocost"));
    words.insert(words.end(), {"--db", database().string()});
    return run(without_rights(words), 60s);
  };

  const Finished status = read({"status"});
  const Finished plan = read({"plan", grid()});
  const Finished report = read({"report", "study", "--out", (folder / "report").string()});
  const Finished cells = read({"export", "study"});

  fs::permissions(study(), fs::perms::owner_all);
  for (const Finished* each : {&status, &plan, &report, &cells})
    EXPECT_EQ(each->status, 0) << each->output;
  EXPECT_THAT(status.output, HasSubstr("study: 1 of 1 cells done"));
  EXPECT_THAT(plan.output, HasSubstr("512 wanted, 512 there, 0 new"));
}

// As on a full disk.
TEST_F(RecoveryTest, FailsWhenWhatItPrintsIsLost) {
  ASSERT_EQ(run(run_command(), 60s).status, 0);
  for (const char* what : {"status", "export study"}) {
    const auto lost =
        run({"/bin/sh", "-c",
             program("isocost") + " " + what + " --db " + database().string() + " > /dev/full"},
            30s);
    EXPECT_EQ(lost.status, 1) << what;
    EXPECT_THAT(lost.output, HasSubstr("standard output cannot be written")) << what;
  }
}

TEST_F(RecoveryTest, NamesInStatusWhatNoWorkerHas) {
  const Process first(coordinator(), folder / "log");
  wait_for_coordinator(first);
  submit();
  Words words = worker("w1");
  const auto unet = std::find(words.begin(), words.end(), testing::input_of("unet-0"));
  ASSERT_NE(unet, words.end());
  words.erase(unet - 1, unet + 1);
  const Process poor(words, folder / "w1.log");

  std::string said;
  testing::wait_until(
      [&] {
        said = run({program("isocost"), "status", "--coordinator", http}, 30s).output;
        return said.find("no worker has") != std::string::npos;
      },
      60s, "a missing input", [&] { return said + poor.log(); });

  EXPECT_THAT(said, HasSubstr("no worker has models/unet-0\n"));
  EXPECT_THAT(said, ::testing::Not(HasSubstr(testing::input_of("unet-0"))));
}

// Nobody lost a unit: the coordinator did not listen.
TEST_F(RecoveryTest, CountsNoLossWhileItsCoordinatorWasStopped) {
  Process first(coordinator({"--lease-seconds", "2"}), folder / "log");
  wait_for_coordinator(first);
  submit();
  const Process helping(worker("w1", {"--unit-ms", "700"}), folder / "w1.log");
  wait_for_done(1, first);

  for (std::size_t pause = 1; pause <= 3; ++pause) {
    first.kill(SIGSTOP);
    testing::wait_until([&] { return times_in(helping.log(), "the coordinator is gone") >= pause; },
                        30s, "a worker that gave up", [&] { return helping.log(); });
    first.kill(SIGCONT);
    testing::wait_until([&] { return times_in(helping.log(), "attached") > pause; }, 30s,
                        "a worker that is back", [&] { return helping.log(); });
  }
  wait_for_done(kUnits, first);

  EXPECT_EQ(stored("SELECT count(*) FROM failed_attempts"), 0);
  EXPECT_EQ(stored("SELECT sum(attempts + lost_workers) FROM units"), 0);
}

TEST_F(RecoveryTest, SaysWhatIsMissingAfterItsLogWasCutAndComputesItAgain) {
  std::optional<Process> first(std::in_place, coordinator(), folder / "log");
  wait_for_coordinator(*first);
  submit();
  {
    const Process helping(worker("w1", {"--unit-ms", "100"}), folder / "w1.log");
    wait_for_done(4, *first);
  }
  first->kill(SIGKILL);
  first->wait(10s);
  const fs::path log = database().string() + "-wal";
  ASSERT_GT(fs::file_size(log), 10'000U);
  fs::resize_file(log, fs::file_size(log) / 2);

  const Finished refused = run(coordinator(), 30s);
  const Finished warned = run({program("isocost"), "status", "--db", database().string()}, 30s);
  first.emplace(coordinator({"--accept-loss"}), folder / "log2");
  wait_for_coordinator(*first);

  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("acknowledged results are missing, and the last "));
  EXPECT_THAT(warned.output, HasSubstr("isocost: warning: " + database().string()));
  EXPECT_THAT(first->log(), HasSubstr("what is missing is computed again"));
  submit();  // it may be among what was lost
  const Process helping(worker("w1"), folder / "w1.log2");
  wait_for_done(kUnits, *first);
}

TEST_F(RecoveryTest, RefusesASecondCoordinatorThoughTheLockFileIsGone) {
  Process first(coordinator(), folder / "log");
  wait_for_coordinator(first);
  submit();
  fs::remove(database().string() + ".lock");

  const Finished second = run({program("isocost"), "coordinator", "--db", database().string(),
                               "--no-http", "--listen", "tcp://127.0.0.1:0"},
                              30s);

  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("another coordinator uses this database"));
  const Process helping(worker("w1"), folder / "w1.log");
  wait_for_done(kUnits, first);
}

}  // namespace
}  // namespace isocost

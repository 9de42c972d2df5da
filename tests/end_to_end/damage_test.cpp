// What goes wrong around a study without anybody's asking, with real processes: artifacts that are
// deleted, cut or changed while it runs, and a worker that fails everything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/support/cells_csv.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"
#include "tests/support/vandal.h"

namespace isocost {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::HttpClient;
using testing::Process;
using testing::program;
using testing::ScratchFolder;
using testing::submission_of;
using testing::Vandal;
using Words = std::vector<std::string>;

Words run_command(const fs::path& grid, const fs::path& out, const Submission& submission,
                  const Words& more) {
  Words words{program("isocost"),
              "run",
              grid.string(),
              "--workers",
              "2",
              "--out",
              out.string(),
              "--worker-program",
              program("isocost-fake-worker")};
  for (const std::string& input : testing::inputs_of(submission))
    words.insert(words.end(), {"--worker-argument=--input", "--worker-argument=" + input});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class DamageTest : public ::testing::TestWithParam<const char*> {
 protected:
  DamageTest() { testing::write_text(folder / "grid.json", to_json(submission).dump()); }

  [[nodiscard]] Words command(const fs::path& out, const char* unit_ms) const {
    Words more{"--worker-argument=--unit-ms", std::string("--worker-argument=") + unit_ms};
    if (*GetParam() != '\0') more.emplace_back(GetParam());
    return run_command(folder / "grid.json", out, submission, more);
  }

  ScratchFolder folder;
  Submission submission = submission_of({.images = 512, .keep_pictures = 4});
};

TEST_P(DamageTest, ChangesNoValueOfAStudy) {
  constexpr auto kBetweenStrikes = 60ms;
  constexpr int kNeededFirst = 4, kStrikesMin = 10, kStrikesMax = 30;
  const auto clean = testing::run(command(folder / "clean", "0"), 2min);
  ASSERT_EQ(clean.status, 0) << clean.output;

  const fs::path out = folder / "damaged";
  Process process(command(out, "100"), folder / "log");
  Vandal vandal(out / "artifacts", 7);
  int strikes = 0;
  auto next = std::chrono::steady_clock::now();
  testing::wait_until(
      [&] {
        // The first ones hit what the scores still need.
        const auto prey = strikes < kNeededFirst ? Vandal::Prey::kNeeded : Vandal::Prey::kAny;
        if (strikes < kStrikesMax && std::chrono::steady_clock::now() >= next &&
            vandal.strike(prey)) {
          ++strikes;
          next = std::chrono::steady_clock::now() + kBetweenStrikes;
        }
        return process.status().has_value();
      },
      2min, "the study", [&] { return process.log(); });

  EXPECT_EQ(process.wait(1s), 0) << process.log();
  EXPECT_GE(strikes, kStrikesMin);
  EXPECT_EQ(testing::determined_columns(out / "cells.csv"),
            testing::determined_columns(folder / "clean" / "cells.csv"));
  // Workers with folders of their own need less of this one.
  if (*GetParam() == '\0') {
    EXPECT_THAT(testing::read_text(out / "coordinator.log"), HasSubstr("lost_artifact"));
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, DamageTest, ::testing::Values("", "--separate-artifacts"),
                         [](const auto& folder) {
                           return *folder.param == '\0' ? "Shared" : "Separate";
                         });

TEST(Check, ComparesStoreAndDatabaseAndHasMadeAgainWhatIsLost) {
  const ScratchFolder folder;
  const Submission submission = submission_of({.models = 1});
  testing::write_text(folder / "grid.json", to_json(submission).dump());
  const fs::path out = folder / "study";
  const Words run = run_command(folder / "grid.json", out, submission, {});
  ASSERT_EQ(testing::run(run, 2min).status, 0);
  const auto check = [&](const Words& more) {
    Words words{program("isocost"), "check", "--db", (out / "isocost.db").string()};
    words.insert(words.end(), more.begin(), more.end());
    return testing::run(words, 1min);
  };
  const auto whole = check({});
  EXPECT_EQ(whole.status, 0) << whole.output;
  EXPECT_THAT(whole.output, HasSubstr(" 0 missing or damaged"));

  Vandal vandal(out / "artifacts", 3);
  while (!vandal.strike()) continue;
  const auto lost = check({});

  EXPECT_EQ(lost.status, 1) << lost.output;
  EXPECT_THAT(lost.output, HasSubstr(" 1 missing or damaged"));
  EXPECT_EQ(Json::parse(check({"--json"}).output).at("lost").size(), 1U);
  const auto repaired = check({"--repair"});
  EXPECT_EQ(repaired.status, 0) << repaired.output;
  EXPECT_THAT(repaired.output, HasSubstr("1 units are open again"));
  const auto again = testing::run(run, 2min);
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(check({}).status, 0);
}

// Beside two that are well.
TEST(SickWorker, FailsNoCellAndIsNamed) {
  const ScratchFolder folder;
  const Submission submission = submission_of({.images = 512});
  const std::string link = "tcp://127.0.0.1:" + std::to_string(testing::free_port());
  const std::string http = "http://127.0.0.1:" + std::to_string(testing::free_port());
  const Process coordinator({program("isocost"), "coordinator", "--db",
                             (folder / "isocost.db").string(), "--listen", link, "--http", http},
                            folder / "coordinator.log");
  testing::wait_until([&] { return HttpClient(http).get("/api/v1/status").has_value(); }, 30s,
                      "the coordinator", [&] { return coordinator.log(); });
  ASSERT_TRUE(HttpClient(http).post("/api/v1/experiments", to_json(submission)));
  std::vector<Process> workers;
  for (const char* name : {"sick", "well", "better"}) {
    Words words{
        program("isocost-fake-worker"), "serve",     "--connect", link, "--name", name, "--state",
        (folder / name).string(),       "--unit-ms", "50"};
    for (const std::string& input : testing::inputs_of(submission))
      words.insert(words.end(), {"--input", input});
    if (workers.empty()) words.insert(words.end(), {"--fail", "/"});  // whatever it is given
    workers.emplace_back(words, folder / (std::string(name) + ".log"));
  }

  Json status;
  testing::wait_until(
      [&] {
        auto answer = HttpClient(http).get("/api/v1/status");
        if (!answer) return false;
        status = std::move(*answer);
        const Json& units = status.at("units");
        return units.at("waiting") == 0 && units.at("ready") == 0 && units.at("done") > 0;
      },
      2min, "the study", [&] { return status.dump(1) + coordinator.log(); });

  const Json& experiment = status.at("experiments").at(0);
  EXPECT_EQ(experiment.at("cells_failed"), 0) << experiment.dump(1);
  EXPECT_EQ(experiment.at("cells_done"), experiment.at("cells"));
  EXPECT_GE(status.at("quarantines"), 1);
  const auto shown = testing::run({program("isocost"), "status", "--coordinator", http}, 30s);
  EXPECT_THAT(shown.output, HasSubstr("in quarantine, since it fails where others succeed"));
  EXPECT_THAT(coordinator.log(), HasSubstr("it fails where others succeed (bug: asked to fail)"));
}

}  // namespace
}  // namespace isocost

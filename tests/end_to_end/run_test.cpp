// `isocost` with real processes, and workers that only seem to compute.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"

namespace isocost {
namespace {

using namespace std::chrono_literals;
using testing::Process;
using testing::program;
using testing::run;
using testing::ScratchFolder;
using testing::submission_of;

class RunTest : public ::testing::Test {
 protected:
  // Writes the submission and returns the command that runs it.
  std::vector<std::string> command_for(const Submission& submission, int workers,
                                       const std::vector<std::string>& further = {}) {
    testing::write_text(folder_ / "grid.json", to_json(submission).dump());
    std::vector<std::string> command{program("isocost"),
                                     "run",
                                     (folder_ / "grid.json").string(),
                                     "--workers",
                                     std::to_string(workers),
                                     "--out",
                                     out().string(),
                                     "--worker-program",
                                     program("isocost-fake-worker")};
    for (const std::string& input : testing::inputs_of(submission)) {
      command.push_back("--worker-argument=--input");
      command.push_back("--worker-argument=" + input);
    }
    command.insert(command.end(), further.begin(), further.end());
    return command;
  }

  [[nodiscard]] std::filesystem::path out() const { return folder_ / "out"; }

  ScratchFolder folder_;
};

TEST_F(RunTest, ComputesAStudyAndCostsNothingTheSecondTime) {
  const auto command = command_for(submission_of(), 2);

  const auto first = run(command, 2min);
  const std::string cells = testing::read_text(out() / "cells.csv");
  const auto second = run(command, 1min);

  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_TRUE(std::filesystem::exists(out() / "report.html")) << first.output;
  EXPECT_EQ(second.status, 0) << second.output;
  EXPECT_NE(second.output.find("0 images and 0 units are new"), std::string::npos) << second.output;
  EXPECT_EQ(testing::read_text(out() / "cells.csv"), cells);
}

// Their keys are digests, whose order means nothing.
TEST_F(RunTest, KeepsMetricsOfOneKindInTheOrderOfTheGrid) {
  Submission submission = submission_of({.models = 1, .steps = {4}});
  CellRequest& cell = submission.cells[0];
  std::vector<std::string> references;
  const ScoreSpec first = cell.scores[0];
  cell.scores.clear();
  for (int count = 64; count < 72; ++count) {
    ReferenceSpec reference = submission.references.begin()->second;
    reference.options["count"] = count;
    references.push_back(reference_key(reference).hex());
    submission.references[references.back()] = reference;
    cell.scores.push_back(first);
    cell.scores.back().reference = references.back();
  }
  ASSERT_FALSE(std::is_sorted(references.begin(), references.end()));

  const auto ended = run(command_for(submission, 1), 2min);

  ASSERT_EQ(ended.status, 0) << ended.output;
  const std::string cells = testing::read_text(out() / "cells.csv");
  std::size_t at = 0;
  for (const std::string& reference : references) {
    const std::size_t next = cells.find(reference);
    EXPECT_GT(next, at);
    at = next;
  }
}

TEST_F(RunTest, EndsWellWhereNoPictureIsKept) {
  const auto ended = run(command_for(submission_of({.models = 1, .keep_pictures = 0}), 1), 2min);

  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_NE(ended.output.find("cells.csv"), std::string::npos) << ended.output;
  EXPECT_EQ(ended.output.find("pictures  "), std::string::npos) << ended.output;
}

TEST_F(RunTest, SaysWhyWhenAllCellsFail) {
  const auto ended = run(command_for(submission_of({.models = 1, .images = 64}), 1,
                                     {"--worker-argument=--fail", "--worker-argument=generate/"}),
                         2min);

  EXPECT_EQ(ended.status, 4) << ended.output;
  EXPECT_NE(ended.output.find("2 of 2 cells failed"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("bug: asked to fail"), std::string::npos) << ended.output;
  EXPECT_TRUE(std::filesystem::exists(out() / "report.html")) << ended.output;
}

TEST_F(RunTest, EndsNonZeroAndSaysWhichCellsFailed) {
  const Submission submission = submission_of({.models = 1});
  const std::string victim = sample_key(submission.cells[1].sample).hex();

  const auto ended =
      run(command_for(submission, 1,
                      {"--worker-argument=--fail", "--worker-argument=generate/" + victim}),
          2min);

  EXPECT_EQ(ended.status, 4) << ended.output;
  EXPECT_NE(ended.output.find("1 of 2 cells failed"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("asked to fail"), std::string::npos) << ended.output;
}

// One cause is told once, and not for each of the cells that it befell.
TEST_F(RunTest, TellsAReasonOnceForAllCellsThatItFailed) {
  const Submission submission = submission_of({.models = 3});
  std::vector<std::string> failing;
  for (const std::size_t i :
       {std::size_t{1}, std::size_t{2}}) {  // a worker that does nothing well would rest for long
    failing.emplace_back("--worker-argument=--fail");
    failing.push_back("--worker-argument=generate/" + sample_key(submission.cells[i].sample).hex());
  }

  const auto ended = run(command_for(submission, 1, failing), 2min);

  EXPECT_EQ(ended.status, 4) << ended.output;
  EXPECT_NE(ended.output.find("2 of 6 cells failed\n  2 cells, from cell 1 ("), std::string::npos)
      << ended.output;
  const auto first = ended.output.find("asked to fail");
  ASSERT_NE(first, std::string::npos) << ended.output;
  EXPECT_EQ(ended.output.find("asked to fail", first + 1), std::string::npos) << ended.output;
}

TEST_F(RunTest, FailsACellThatKillsItsWorkerAfterThreeAttemptsAndFinishesTheOthers) {
  const Submission submission = submission_of({.models = 1});
  const std::string victim = sample_key(submission.cells[1].sample).hex() + "/0-64";

  const auto ended =
      run(command_for(submission, 1,
                      {"--worker-argument=--crash", "--worker-argument=generate/" + victim}),
          2min);

  EXPECT_EQ(ended.status, 4) << ended.output;
  EXPECT_NE(ended.output.find("1 of 2 cells failed"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("the working process died of signal 6"), std::string::npos)
      << ended.output;
  const std::string log = testing::read_text(out() / "workers" / "local-1.log");
  std::size_t deaths = 0;
  for (auto at = log.find("died of signal"); at != std::string::npos;
       at = log.find("died of signal", at + 1))
    ++deaths;
  EXPECT_EQ(deaths, 3U) << log;
}

TEST_F(RunTest, NamesTheInputsThatNoWorkerHas) {
  auto command = command_for(submission_of({.models = 1}), 1);
  command.resize(command.size() - 2);  // one --input less

  const auto ended = run(command, 1min);

  EXPECT_EQ(ended.status, 3);
  EXPECT_NE(ended.output.find("no worker has"), std::string::npos) << ended.output;
}

TEST_F(RunTest, SaysOneSentenceWithoutAWorkerProgramOrWithABadFolder) {
  testing::write_text(folder_ / "file", "");
  const auto with = [&](const std::string& old, const std::string& now) {
    auto command = command_for(submission_of(), 1);
    std::replace(command.begin(), command.end(), old, now);
    return run(command, 1min);
  };

  const auto without = with(program("isocost-fake-worker"), "/no/such/program");
  const auto bad = with(out().string(), (folder_ / "file" / "out").string());

  EXPECT_EQ(without.status, 3);
  EXPECT_NE(without.output.find("there is no such program"), std::string::npos) << without.output;
  EXPECT_EQ(bad.status, 1);
  EXPECT_NE(bad.output.find("the folder cannot be made: Not a directory"), std::string::npos)
      << bad.output;
}

TEST_F(RunTest, ShowsNoLineOfAnEarlierRunWhereItsWorkerEnds) {
  std::filesystem::create_directories(out() / "workers");
  testing::write_text(out() / "workers/local-1.log", "a fault of yesterday\n");
  auto command = command_for(submission_of(), 1);
  std::replace(command.begin(), command.end(), program("isocost-fake-worker"),
               std::string("/bin/false"));

  const auto ended = run(command, 1min);

  EXPECT_EQ(ended.status, 5);
  EXPECT_NE(ended.output.find("ended with code 1; it wrote nothing to its log"), std::string::npos)
      << ended.output;
  EXPECT_EQ(ended.output.find("yesterday"), std::string::npos) << ended.output;
}

TEST_F(RunTest, NamesAFileThatStandsInTheFoldersPlace) {
  const std::string file = (folder_ / "file").string();
  testing::write_text(file, "");
  auto command = command_for(submission_of(), 1);
  ASSERT_EQ(run(command, 1min).status, 0);
  std::replace(command.begin(), command.end(), out().string(), file);
  const std::string said =
      "isocost: " + file + ": this is a file; expected a folder for the output, there or not yet\n";

  EXPECT_EQ(run(command, 1min).output, said);
  EXPECT_EQ(run({program("isocost"), "report", "study", "--db", (out() / "isocost.db").string(),
                 "--out", file},
                1min)
                .output,
            said);
  EXPECT_EQ(run({program("isocost"), "keys", "generate", "w1", "--out", file}, 1min).output, said);
}

TEST_F(RunTest, GoesOnAfterItWasKilled) {
  const auto command =
      command_for(submission_of(), 2, {"--worker-argument=--unit-ms", "--worker-argument=300"});
  for (int kill = 0; kill < 3; ++kill) {
    Process process(command, folder_ / "log");
    testing::wait_until(
        [&] {
          return process.status() || process.log().find("units are new") != std::string::npos;
        },
        30s, "the run to begin", [&] { return process.log(); });
    process.kill(SIGKILL);
    process.wait(10s);
  }

  const auto ended = run(command, 2min);

  EXPECT_EQ(ended.status, 0) << ended.output;
}

TEST_F(RunTest, StartsAWorkerAgainThatSomethingKilled) {
  const auto command =
      command_for(submission_of(), 1, {"--worker-argument=--unit-ms", "--worker-argument=100"});
  Process process(command, folder_ / "log");
  std::vector<pid_t> workers;
  const auto has_worker = [&] {
    // Before it there is who was asked for the devices.
    if (!std::filesystem::exists(out() / "workers" / "local-1.log")) return false;
    workers = testing::children_of({process.pid()});
    return !workers.empty();
  };
  testing::wait_until(has_worker, 30s, "the worker", [&] { return process.log(); });
  const pid_t first = workers.at(0);

  ::kill(first, SIGKILL);  // the supervisor: nobody of its own starts it again

  testing::wait_until([&] { return has_worker() && workers.at(0) != first; }, 30s, "another worker",
                      [&] { return process.log(); });
  EXPECT_EQ(process.wait(2min), 0) << process.log();
}

// More often than losses are borne, and always at the same unit: kills from outside are no unit's
// fault, and whoever comes back says so.
TEST_F(RunTest, FailsNoUnitWhoseWorkerIsKilledAgainAndAgain) {
  constexpr int kKills = 10;
  const auto command = command_for(submission_of({.models = 1}), 1,
                                   {"--worker-argument=--unit-ms", "--worker-argument=1500"});
  Process process(command, folder_ / "log");
  const auto note = out() / "workers" / "local-1" / "spool" / "computing";
  for (int kill = 0; kill < kKills; ++kill) {
    testing::wait_until([&] { return std::filesystem::exists(note); }, 60s, "a unit that computes",
                        [&] { return process.log(); });
    // The run may have other children: a sanitizer's symbolizer.
    pid_t supervisor = 0, working = 0;
    for (const pid_t child : testing::children_of({process.pid()}))
      for (const pid_t grandchild : testing::children_of({child})) {
        supervisor = child;
        working = grandchild;
      }
    ASSERT_NE(working, 0);
    std::filesystem::remove(note);  // so that the next one is seen
    const pid_t victim = kill % 4 == 3 ? working : supervisor;
    ::kill(victim, SIGKILL);
    testing::wait_until([&] { return testing::children_of({supervisor}).empty(); }, 10s,
                        "its death", [&] { return process.log(); });
  }

  EXPECT_EQ(process.wait(2min), 0) << process.log();
  SQLite::Database stored((out() / "isocost.db").string(), SQLite::OPEN_READONLY, 5000);
  EXPECT_EQ(stored.execAndGet("SELECT sum(lost_workers) FROM units").getInt(), 0);
}

TEST_F(RunTest, HandsBackAndEndsOnSigterm) {
  const auto command = command_for(submission_of({.images = 1280}), 2,
                                   {"--worker-argument=--unit-ms", "--worker-argument=500"});
  Process process(command, folder_ / "log");
  testing::wait_until([&] { return std::filesystem::exists(out() / "workers" / "local-2.log"); },
                      30s, "the workers", [&] { return process.log(); });

  process.kill(SIGTERM);

  EXPECT_EQ(process.wait(60s), 128 + SIGTERM) << process.log();
  EXPECT_NE(process.log().find("goes on where this one was"), std::string::npos);
}

TEST(CommandLine, SaysInOneSentenceWhatIsWrongWithIt) {
  const auto said = [](std::vector<std::string> words) {
    words.insert(words.begin(), program("isocost"));
    const auto ended = run(words, 30s);
    EXPECT_EQ(ended.status, 2) << ended.output;
    return ended.output;
  };

  EXPECT_NE(said({}).find("Subcommands:"), std::string::npos);
  EXPECT_EQ(said({"frob"}).rfind("isocost: 'frob' is no command; expected one of: run, ", 0), 0U);
  EXPECT_EQ(said({"plan", "--frob"}),
            "isocost: '--frob' is not known here; `isocost plan --help` says what is expected\n");
  EXPECT_EQ(said({"plan"}),
            "isocost: grid is required; `isocost plan --help` says what is expected\n");
}

class CoordinatorTest : public RunTest {
 protected:
  // What the coordinator printed after `label`, once it has.
  static std::string told(const Process& process, const std::string& label) {
    std::string found;
    testing::wait_until(
        [&] {
          const std::string log = process.log();
          const auto at = log.find(label);
          const auto end = log.find('\n', at == std::string::npos ? 0 : at);
          if (at == std::string::npos || end == std::string::npos) return false;
          found = log.substr(at + label.size(), end - at - label.size());
          return true;
        },
        30s, label, [&] { return process.log(); });
    return found;
  }

  std::vector<std::string> coordinator() {
    return {program("isocost"), "coordinator",       "--db",   (folder_ / "isocost.db").string(),
            "--listen",         "tcp://127.0.0.1:0", "--http", "http://127.0.0.1:0"};
  }
};

TEST_F(CoordinatorTest, TakesCommandsOverHttp) {
  Process process(coordinator(), folder_ / "log");
  const std::string url = told(process, "page and commands: ");
  const std::string connect = told(process, "workers connect to: ");
  const Submission submission = submission_of({.models = 1});
  testing::write_text(folder_ / "grid.json", to_json(submission).dump());
  const auto call = [&](std::vector<std::string> words) {
    words.insert(words.begin(), program("isocost"));
    words.insert(words.end(), {"--coordinator", url, "--json"});
    return run(words, 30s);
  };

  EXPECT_EQ(call({"submit", (folder_ / "grid.json").string()}).status, 0);
  EXPECT_EQ(call({"cancel", "study"}).status, 0);
  EXPECT_EQ(call({"cancel", "nothing"}).status, 3);
  const auto again = call({"submit", (folder_ / "grid.json").string()});
  EXPECT_NE(again.output.find("\"taken_up_again\": 7"), std::string::npos) << again.output;
  std::vector<std::string> worker{
      program("isocost-fake-worker"), "serve", "--connect", connect, "--state",
      (folder_ / "worker").string()};
  for (const std::string& input : testing::inputs_of(submission))
    worker.insert(worker.end(), {"--input", input});
  const Process served(worker, folder_ / "worker.log");
  testing::wait_until(
      [&] { return call({"status"}).output.find("\"cells_done\": 2") != std::string::npos; }, 60s,
      "two cells", [&] { return call({"status"}).output + served.log(); });

  EXPECT_EQ(call({"retry", "--all"}).status, 0);
  process.kill(SIGTERM);
  EXPECT_EQ(process.wait(30s), 0) << process.log();
  EXPECT_EQ(call({"status"}).status, 5);
}

TEST_F(CoordinatorTest, RefusesASecondOneOnTheSameDatabase) {
  Process process(coordinator(), folder_ / "log");
  (void)told(process, "workers connect to: ");

  const auto second = run(coordinator(), 30s);

  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.output.find("another coordinator (process " + std::to_string(process.pid())),
            std::string::npos)
      << second.output;
}

TEST_F(CoordinatorTest, SaysThatItsPortIsInUse) {
  Process process(coordinator(), folder_ / "log");
  const std::string connect = told(process, "workers connect to: ");

  const auto second = run({program("isocost"), "coordinator", "--db",
                           (folder_ / "other.db").string(), "--no-http", "--listen", connect},
                          30s);

  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.output.find("in use"), std::string::npos) << second.output;
}

}  // namespace
}  // namespace isocost

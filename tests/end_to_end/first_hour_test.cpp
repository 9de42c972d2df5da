// What happens is told, and `run` serves, spreads and reports; with real processes and workers that
// only seem to compute.
#include <SQLiteCpp/SQLiteCpp.h>

#include "tests/end_to_end/first_hour.h"

namespace isocost::first_hour {
namespace {

// --- events -------------------------------------------------------------------------------------

// A worker that is killed leaves a trace: by the command, in the log, in the database, in status.
TEST_F(FirstHour, TellsOfAWorkerThatWasKilled) {
  serve();
  ASSERT_EQ(ask({"submit", grid(submission).string()}).status, 0);
  Process follower({program("isocost"), "events", "--follow", "--coordinator", url},
                   folder / "followed");
  Process victim(worker("w1", {"--unit-ms", "60000"}), folder / "w1.log");
  wait_for_event("attached        w1");
  // The picture of the state is made anew some time after what changed it.
  const auto wait_for_status = [&](const std::string& text) {
    wait_until([&] { return ask({"status"}).output.find(text) != std::string::npos; }, 30s, text,
               [&] { return ask({"status"}).output; });
  };
  wait_for_status("worker w1 (fake, 1100 GB)");

  victim.kill_group(SIGKILL);

  wait_for_event("lost            w1: nothing was heard of it for 2 s");
  EXPECT_THAT(testing::read_text(folder / "coordinator.log"),
              HasSubstr("info lost: w1: nothing was heard of it for 2 s; it held 1 unit"));
  wait_for_status("worker w1 was lost ");
  EXPECT_THAT(
      isocost({"events", "--db", (folder / "isocost.db").string(), "--kind", "lost"}).output,
      MatchesRegex("[-0-9]+ [:0-9]+  lost            w1: nothing was heard[^\n]*\n"));
  wait_until([&] { return follower.log().find("lost            w1") != std::string::npos; }, 30s,
             "the event at who follows", [&] { return follower.log(); });
  EXPECT_THAT(follower.log(), HasSubstr("submitted       study: 2 cells"));
  follower.kill(SIGTERM);
  EXPECT_EQ(follower.wait(30s), 0);
}

TEST_F(FirstHour, TellsAStudysStoryFromItsDatabase) {
  const Finished ended = run(run_command(submission, {"--workers", "1"}), 2min);
  ASSERT_EQ(ended.status, 0) << ended.output;
  const std::string database = (folder / "out" / "isocost.db").string();

  const Finished all = isocost({"events", "--db", database});
  const Finished json = isocost({"events", "--db", database, "--json", "--kind", "finished"});

  for (const char* kind : {"started ", "submitted ", "attached ", "leased ", "finished "})
    EXPECT_THAT(all.output, HasSubstr(kind));
  EXPECT_THAT(all.output, HasSubstr("study, cell 0 (model "));
  EXPECT_EQ(std::count(json.output.begin(), json.output.end(), '\n'), 2) << json.output;
  const auto first = Json::parse(json.output.substr(0, json.output.find('\n')));
  EXPECT_EQ(first.at("experiment"), "study");
  EXPECT_EQ(first.at("is_trouble"), false);
}

TEST_F(FirstHour, TellsOfAKeyThatWasRefused) {
  const std::string keys = (folder / "keys").string();
  ASSERT_EQ(isocost({"keys", "generate", "coordinator", "stranger", "--out", keys}).status, 0);
  fs::create_directories(folder / "allowed");
  serve({"--key", keys + "/coordinator.secret", "--allow", (folder / "allowed").string()});

  const Finished refused =
      run(worker("stranger", {"--key", keys + "/stranger.secret", "--server-key",
                              keys + "/coordinator.key", "--give-up", "5"}),
          60s);

  EXPECT_EQ(refused.status, 2) << refused.output;
  wait_for_event("refused_key     ");
  EXPECT_THAT(ask({"events", "--kind", "refused_key"}).output, HasSubstr("127.0.0.1"));
}

// --- run ----------------------------------------------------------------------------------------

TEST_F(FirstHour, ServesThePageWhileItRuns) {
  process.emplace(run_command(submission, {"--workers", "1", "--worker-argument=--unit-ms",
                                           "--worker-argument=300"}),
                  folder / "log");
  const std::string page = told("page: ");

  const auto status = testing::HttpClient(page).get("/api/v1/status");

  ASSERT_TRUE(status.has_value()) << status.error().message();
  EXPECT_EQ(status->at("experiments")[0].at("name"), "study");
  EXPECT_TRUE(testing::HttpClient(page).get("/readyz").has_value());
  const Finished asked = isocost({"status", "--coordinator", page});
  EXPECT_THAT(asked.output, HasSubstr("study: "));
  EXPECT_EQ(process->wait(2min), 0) << process->log();
}

TEST_F(FirstHour, TakesAnotherPortWhereThePagesIsInUseAndNoOtherWhereItIsAskedFor) {
  const std::string taken = "http://127.0.0.1:" + std::to_string(testing::free_port());
  serve({"--http", taken});
  Words command = run_command(submission, {"--workers", "1"});
  *(std::find(command.begin(), command.end(), "--http") + 1) = taken;

  const Finished asked = run(command, 60s);
  command.erase(std::find(command.begin(), command.end(), "--http"),
                std::find(command.begin(), command.end(), "--http") + 2);
  const Finished free = run(command, 2min);

  EXPECT_EQ(asked.status, 1);
  EXPECT_THAT(asked.output, HasSubstr(taken + ": the port is in use"));
  EXPECT_EQ(free.status, 0) << free.output;
  EXPECT_THAT(free.output, HasSubstr("page: http://127.0.0.1:"));
}

// One for each GPU, each on its own.
TEST_F(FirstHour, StartsAWorkerForEachGpuOnAGpuOfItsOwn) {
  const Words command = joined({"/usr/bin/env", "ISOCOST_FAKE_DEVICES=cuda:0 cuda:1 cuda:2"},
                               run_command(submission_of({.images = 1280})));

  const Finished ended = run(command, 2min);

  ASSERT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output,
              HasSubstr("3 workers on cuda:0, a fake one, 80 GB; cuda:1, a fake one"));
  SQLite::Database stored((folder / "out" / "isocost.db").string(), SQLite::OPEN_READONLY);
  SQLite::Statement rows(stored,
                         "SELECT name, json_extract(device, '$.device') FROM workers ORDER BY 1");
  std::string found;
  while (rows.executeStep())
    found += rows.getColumn(0).getString() + " " + rows.getColumn(1).getString() + "; ";
  EXPECT_EQ(found, "local-1 cuda:0; local-2 cuda:1; local-3 cuda:2; ");
}

TEST_F(FirstHour, GivesASecondStudyOfAFolderAReportOfItsOwn) {
  Submission other = submission_of({.models = 1, .steps = {4}});
  other.name = "other/study";
  ASSERT_EQ(run(run_command(submission, {"--workers", "1"}), 2min).status, 0);
  const std::string before = testing::read_text(folder / "out" / "report.html");
  testing::write_text(folder / "other.json", to_json(other).dump());
  Words command = run_command(submission, {"--workers", "1"});
  command[2] = (folder / "other.json").string();

  const Finished second = run(command, 2min);

  EXPECT_EQ(second.status, 0) << second.output;
  EXPECT_EQ(testing::read_text(folder / "out" / "report.html"), before);
  const auto reports = folder / "out" / "reports";
  ASSERT_TRUE(fs::is_directory(reports)) << second.output;
  const auto own = fs::directory_iterator(reports)->path();
  EXPECT_THAT(own.filename().string(), MatchesRegex("other-study-[0-9a-f]+"));
  EXPECT_TRUE(fs::exists(own / "report.html"));
  EXPECT_THAT(second.output, HasSubstr((own / "report.html").string()));
}

TEST_F(FirstHour, IsQuietWhereItIsAskedToBe) {
  const Finished loud = run(run_command(submission, {"--workers", "1"}), 2min);
  const Finished quiet = run(run_command(submission, {"--workers", "1", "--quiet"}), 2min);

  EXPECT_THAT(loud.output, HasSubstr("units are new"));
  EXPECT_EQ(quiet.status, 0);
  EXPECT_THAT(quiet.output, Not(HasSubstr("units")));
  EXPECT_THAT(quiet.output, Not(HasSubstr("page: ")));
  EXPECT_THAT(quiet.output, HasSubstr("report.html"));
}

}  // namespace
}  // namespace isocost::first_hour

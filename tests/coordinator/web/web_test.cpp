#include <gtest/gtest.h>
#include <unistd.h>

#include "coordinator/web/handler.h"
#include "coordinator/web/json.h"
#include "coordinator/web/server.h"
#include "tests/coordinator/web/fakes.h"
#include "tests/support/http_client.h"
#include "tests/support/plain_peer.h"
#include "tests/support/process.h"

namespace isocost::web {
namespace {

using testing::ScratchFolder;

core::Snapshot sample_snapshot() {
  core::Snapshot snapshot;
  snapshot.database = "db1";
  snapshot.build = "isocost test";
  snapshot.epoch = 3;
  snapshot.units = {.waiting = 1, .ready = 4, .leased = 2, .done = 10, .failed = 1, .cancelled = 0};
  core::ExperimentView experiment;
  experiment.name = "a <b>study</b> \"x\"";
  experiment.cells = 5;
  experiment.cells_done = 3;
  experiment.cells_failed = 1;
  snapshot.experiments.push_back(experiment);
  snapshot.workers.push_back({.name = "w1",
                              .host = "node",
                              .device_class = "cpu",
                              .device = Json::object(),
                              .running = {},
                              .silent_seconds = 1,
                              .warm = {}});
  return snapshot;
}

Response get(const std::string& target) {
  return std::get<Response>(handle({"GET", target, "", ""}, sample_snapshot()));
}

TEST(WebHandler, AnswersEveryPathOfTheInterface) {
  for (const char* target :
       {"/", "/metrics", "/api/v1/status", "/api/v1/workers", "/api/v1/experiments",
        "/api/v1/experiments/a%20%3Cb%3Estudy%3C%2Fb%3E%20%22x%22"})
    EXPECT_EQ(get(target).status, 200) << target;
  EXPECT_EQ(Json::parse(get("/api/v1/status").body).at("epoch"), 3);
}

TEST(WebHandler, TellsWhatIsNotThere) {
  for (const char* target : {"/index.php", "/api/v2/status", "/api/v1/experiments/",
                             "/api/v1/experiments/other", "/api/v1/experiments/%zz"})
    EXPECT_EQ(get(target).status, 404) << target;
}

TEST(WebHandler, AsksTheCoordinatorForChanges) {
  const auto ask = [](const char* method, const char* target) {
    return std::get<Action>(handle({method, target, "application/json", ""}, sample_snapshot()));
  };

  EXPECT_EQ(std::get<Cancel>(ask("DELETE", "/api/v1/experiments/my%20study")).experiment,
            "my study");
  EXPECT_EQ(std::get<Retry>(ask("POST", "/api/v1/experiments/study/retry")).experiment, "study");
  EXPECT_EQ(std::get<Retry>(ask("POST", "/api/v1/retry")).experiment, std::nullopt);
}

TEST(WebHandler, RefusesChangesThatAForeignPageCouldSend) {
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded"})
    EXPECT_EQ(
        std::get<Response>(handle({"POST", "/api/v1/retry", type, ""}, sample_snapshot())).status,
        415);
}

TEST(WebHandler, NamesTheFaultsOfASubmission) {
  const auto post = [](const std::string& target, const std::string& body) {
    return std::get<Response>(
        handle({"POST", target, "application/json", body}, sample_snapshot()));
  };

  EXPECT_EQ(post("/api/v1/experiments", "{\"name\":").status, 400);
  EXPECT_EQ(post("/api/v1/experiments", "{}").status, 400);
  EXPECT_EQ(post("/api/v1/experiments?priority=high", "{}").status, 400);
  EXPECT_FALSE(Json::parse(post("/api/v1/experiments", "{}").body).at("errors").empty());
}

TEST(WebHandler, RefusesNumbersBeyondADouble) {
  const Handled outcome = handle(
      {"POST", "/api/v1/experiments", "application/json", "{\"format\": 1, \"cells\": [1e999]}"},
      sample_snapshot());

  EXPECT_EQ(std::get<Response>(outcome).status, 400);
  EXPECT_NE(std::get<Response>(outcome).body.find("is beyond"), std::string::npos);
}

TEST(WebHandler, WritesInfinityAsMetricsHaveIt) {
  core::Snapshot snapshot = sample_snapshot();
  snapshot.gflops_per_second = std::numeric_limits<double>::infinity();

  EXPECT_NE(metrics_text(snapshot).find("isocost_gflops_per_second +Inf\n"), std::string::npos);
}

TEST(WebHandler, EscapesNamesInMetrics) {
  EXPECT_NE(metrics_text(sample_snapshot())
                .find("isocost_cells{experiment=\"a <b>study</b> \\\"x\\\"\",state=\"done\"} 3\n"),
            std::string::npos);
}

std::uint16_t port_of(const Server& server) {
  return static_cast<std::uint16_t>(std::stoul(server.url().substr(server.url().rfind(':') + 1)));
}

TEST(WebServer, ServesClientsOverTheNetwork) {
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  auto server = Server::open({.endpoint = "http://127.0.0.1:0"}, commands, archive);
  ASSERT_TRUE(server) << server.error().message();
  testing::HttpClient client((*server)->url());
  Submission submission;
  submission.name = "study";

  const auto status = client.get("/api/v1/status");
  const auto submitted = client.post("/api/v1/experiments?priority=2", to_json(submission));
  const auto cancelled =
      client.remove("/api/v1/experiments/" + testing::percent_encoded("my study"));
  const auto unknown = client.remove("/api/v1/experiments/unknown");

  ASSERT_TRUE(status) << status.error().message();
  ASSERT_TRUE(submitted) << submitted.error().message();
  EXPECT_EQ(commands.submitted.at(0), submission);
  EXPECT_EQ(commands.priorities.at(0), 2);
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(commands.cancelled.at(0), "my study");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message(), "experiment: 'unknown' is not known");
}

// Not as a fault of the submission: a later try may do.
TEST(WebServer, TellsThatTheCoordinatorStops) {
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  commands.is_stopped = true;
  auto server = Server::open({.endpoint = "http://127.0.0.1:0"}, commands, archive);
  ASSERT_TRUE(server) << server.error().message();
  Submission submission;
  submission.name = "study";
  const std::string body = to_json(submission).dump();

  const testing::PlainPeer peer(port_of(**server));
  peer.write(
      "POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);

  EXPECT_EQ(peer.read(12), "HTTP/1.1 503");
}

// A study of a thousand cells is some megabytes; a command is not.
TEST(WebServer, TakesLargeSubmissionsAndRefusesOtherLargeBodies) {
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  auto server = Server::open({.endpoint = "http://127.0.0.1:0"}, commands, archive);
  ASSERT_TRUE(server) << server.error().message();
  testing::HttpClient client((*server)->url());
  Submission submission;
  submission.name = "study";
  submission.grid.assign(std::size_t{4} << 20, '#');

  const auto submitted = client.post("/api/v1/experiments", to_json(submission));
  const auto refused = client.post("/api/v1/retry", std::string(std::size_t{100} << 10, '#'));

  ASSERT_TRUE(submitted) << submitted.error().message();
  EXPECT_EQ(commands.submitted.at(0), submission);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "body: it is too large; expected 65536 bytes at most");
}

// What is sent waits on disk, and of a list that is none nothing is built.
TEST(WebServer, KeepsNoLargeBodyInMemory) {
  ScratchFolder folder;
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  log::Log log({.is_silent = true});
  auto server = Server::open(
      {.endpoint = "http://127.0.0.1:0", .spool = folder.path(), .log = &log}, commands, archive);
  ASSERT_TRUE(server) << server.error().message();
  const testing::PlainPeer peer(port_of(**server));
  constexpr std::size_t kBytes = std::size_t{200} << 20U;
  std::string zeros;
  while (zeros.size() < std::size_t{1} << 20U) zeros += "0,";

  peer.write(
      "POST /api/v1/experiments HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
      "application/json\r\nContent-Length: " +
      std::to_string(kBytes) + "\r\n\r\n[");
  const long before = testing::resident_kib(::getpid());
  for (std::size_t sent = 0; sent < kBytes; sent += zeros.size())
    ASSERT_TRUE(peer.write(std::string_view(zeros).substr(0, kBytes - 1 - sent)));
  const std::string answer = peer.read(12);

  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 400");
  EXPECT_LT(testing::peak_kib(::getpid()) - before, 100L << 10U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Who asks for a large answer while others do not take theirs is told so.
TEST(WebServer, SaysThatTooManyAnswersWait) {
  core::Snapshot snapshot;
  snapshot.experiments.emplace_back().name = "study";
  FakeCommands commands(snapshot);
  FakeArchive archive;
  archive.bytes = kTableBytesMax - 4096;
  auto server = Server::open({.endpoint = "http://127.0.0.1:0"}, commands, archive);
  ASSERT_TRUE(server) << server.error().message();
  std::vector<testing::PlainPeer> peers;
  std::vector<std::string> answers;
  for (int i = 0; i < 3; ++i) {
    peers.emplace_back(port_of(**server))
        .write("GET /api/v1/experiments/study/cells.csv HTTP/1.1\r\nHost: localhost\r\n\r\n");
    answers.push_back(peers.back().read(12));  // and no more of it
  }

  EXPECT_EQ(answers[0], "HTTP/1.1 200");
  EXPECT_EQ(answers[1], "HTTP/1.1 200");
  EXPECT_EQ(answers[2], "HTTP/1.1 503");
}

TEST(WebServer, MakesRoomForWhoAsks) {
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  log::Log log({.is_silent = true});
  auto server = Server::open({.endpoint = "http://127.0.0.1:0", .log = &log}, commands, archive);
  ASSERT_TRUE(server) << server.error().message();

  std::vector<testing::PlainPeer> silent;
  for (int i = 0; i < 400; ++i) silent.emplace_back(port_of(**server));
  const auto status = testing::HttpClient((*server)->url()).get("/api/v1/status");

  EXPECT_TRUE(status) << status.error().message();
  EXPECT_GE(log.count(log::Incident::kEvicted), 100U);
  EXPECT_TRUE(silent.front().is_over(10'000));
}

TEST(WebServer, TellsTheLogWhatItRefuses) {
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  log::Log log({.is_silent = true});
  auto server = Server::open({.endpoint = "http://127.0.0.1:0", .log = &log}, commands, archive);
  ASSERT_TRUE(server) << server.error().message();
  const auto say = [&](const std::string& text) {
    const testing::PlainPeer peer(port_of(**server));
    peer.write(text);
    return peer.read(12);
  };

  EXPECT_EQ(say("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "HTTP/1.1 403");
  EXPECT_EQ(say("POST /api/v1/retry HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                "99999999\r\n\r\n"),
            "HTTP/1.1 413");
  EXPECT_EQ(say("nothing that is HTTP\r\n\r\n"), "");

  testing::wait_until([&] { return log.count(log::Incident::kMalformed) == 1; },
                      std::chrono::seconds(10), "the malformed request");
  EXPECT_EQ(log.count(log::Incident::kRefusedRequest), 1U);
  EXPECT_EQ(log.count(log::Incident::kOversized), 1U);
}

// What the command line prints of another process is what that process knows.
TEST(WebJson, ReadsBackTheStatusThatItWrites) {
  core::Snapshot snapshot = sample_snapshot();
  snapshot.seconds_left = 12.5;
  snapshot.missing_inputs = {{sha256("unet").name(), "models/w16/unet"}};
  snapshot.incidents[static_cast<std::size_t>(log::Incident::kRefusedKey)] = 7;
  snapshot.experiments[0].failed = {
      {3, {{"model", "w16"}}, "generate/x", "bug", "it broke", {"a line", "another"}}};
  core::RunningView running;
  running.run = {"generate/x", {3, 7}, 0.5};
  running.kind = "generate";
  running.images = {64, 128};
  snapshot.workers[0].running = {running};
  snapshot.workers[0].is_quarantined = true;
  const Json json = to_json(snapshot);

  const auto back = snapshot_from_json(json, "status");

  ASSERT_TRUE(back) << back.error().message();
  Json same = to_json(*back);
  same["workers"][0]["running"][0]["attempt"] = "3.7";  // is not read
  EXPECT_EQ(same, json);
  core::Snapshot unknown = snapshot;
  unknown.seconds_left = -1;
  EXPECT_EQ(snapshot_from_json(to_json(unknown), "status")->seconds_left, -1);
}

TEST(WebJson, RefusesAStatusThatIsNone) {
  Json json = to_json(sample_snapshot());
  json["experiments"][0]["cells"] = -1;
  json["units"].erase("done");
  json["workers"][0]["running"] = 3;

  const auto status = snapshot_from_json(json, "status");

  ASSERT_FALSE(status);
  EXPECT_FALSE(snapshot_from_json(Json::array(), "status"));
  EXPECT_FALSE(submission_reply_from_json({{"experiment", "x"}}, "answer"));
  EXPECT_FALSE(retry_reply_from_json({{"retried_units", "x"}}, "answer"));
}

TEST(WebJson, AnswersCommandsWithWhatBecameOfThem) {
  FakeCommands commands(sample_snapshot());
  const auto answer = [&](const Action& action) {
    return Json::parse(perform(action, commands).body);
  };
  Submission submission;
  submission.name = "study";

  const auto reply = submission_reply_from_json(answer(Submit{submission, 0}), "answer");

  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(*reply, (core::SubmissionReply{.experiment = "study", .cells = 5, .images_new = 7}));
  EXPECT_EQ(answer(Cancel{"study"}), (Json{{"cancelled", true}}));
  EXPECT_EQ(answer(Retry{}), (Json{{"retried_units", 1}}));
}

TEST(WebHandler, ShowsWhatPeersDid) {
  core::Snapshot snapshot = sample_snapshot();
  snapshot.incidents[static_cast<std::size_t>(log::Incident::kRefusedKey)] = 7;
  snapshot.key_faults = {"keys/w1.key: there is no public key in it"};

  const std::string metrics = metrics_text(snapshot);
  const Json status = to_json(snapshot);

  EXPECT_NE(metrics.find("isocost_incidents_total{kind=\"refused_key\"} 7\n"), std::string::npos);
  EXPECT_NE(metrics.find("isocost_incidents_total{kind=\"quarantined\"} 0\n"), std::string::npos);
  EXPECT_NE(metrics.find("isocost_key_faults 1\n"), std::string::npos);
  EXPECT_EQ(status.at("incidents").at("refused_key"), 7);
  EXPECT_EQ(status.at("key_faults").at(0), "keys/w1.key: there is no public key in it");
}

TEST(WebServer, AsksForTheTokenWhenThereIsOne) {
  ScratchFolder folder;
  testing::write_text(folder / "token", "0123456789abcdef0123\n");
  std::filesystem::permissions(folder / "token", std::filesystem::perms::owner_read);
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  auto server = Server::open({.endpoint = "http://127.0.0.1:0", .token_file = folder / "token"},
                             commands, archive);
  ASSERT_TRUE(server) << server.error().message();

  EXPECT_FALSE(testing::HttpClient((*server)->url()).get("/api/v1/status"));
  EXPECT_FALSE(testing::HttpClient((*server)->url(), "0123456789abcdef0124").get("/api/v1/status"));
  EXPECT_TRUE(testing::HttpClient((*server)->url(), "0123456789abcdef0123").get("/api/v1/status"));
}

TEST(WebServer, RefusesToListenOpenly) {
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;

  const auto server = Server::open({.endpoint = "http://0.0.0.0:0"}, commands, archive);

  ASSERT_FALSE(server);
  EXPECT_NE(server.error().message().find("token"), std::string::npos);
}

TEST(WebServer, TellsAPortInUse) {
  FakeCommands commands(sample_snapshot());
  FakeArchive archive;
  auto first = Server::open({.endpoint = "http://127.0.0.1:0"}, commands, archive);
  ASSERT_TRUE(first);

  const auto second = Server::open({.endpoint = (*first)->url()}, commands, archive);

  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message().find("the port is in use"), std::string::npos);
}

TEST(WebServer, TellsThatNobodyAnswers) {
  const auto answer =
      testing::HttpClient("http://127.0.0.1:" + std::to_string(testing::free_port()))
          .get("/api/v1/status");

  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message().find("no coordinator answers there"), std::string::npos);
}

}  // namespace
}  // namespace isocost::web

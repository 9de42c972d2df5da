#include "worker/net/worker.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
#include <future>

#include "base/transport/keys.h"
#include "tests/support/fake_executor.h"
#include "tests/support/process.h"
#include "tests/support/scripted_coordinator.h"
#include "worker/spool/spool.h"

namespace isocost::worker_net {
namespace {

using testing::FakeExecutor;
using testing::Heard;
using testing::ScratchFolder;
using testing::ScriptedCoordinator;

wire::Lease generate_lease(std::uint64_t seed) {
  GenerateUnit unit;
  unit.sample.seed = seed;
  unit.sample.prompts = sha256("prompts").name();
  unit.range = {0, 64};
  unit.keep_pictures = 2;
  unit.extractors.push_back({"mini-features", sha256("network").name(), Json::object()});
  return {.unit = unit_name(unit),
          .attempt = {1, seed},
          .kind = UnitKind::kGenerate,
          .body = body_text(unit),
          .needs = {},
          .blobs = {}};
}

// A worker in a thread of its own, stopped at the end as SIGTERM would.
class RunningWorker {
 public:
  RunningWorker(const std::string& url, const std::filesystem::path& state,
                testing::FakeExecutorOptions fake = {}, const std::filesystem::path& artifacts = {},
                std::function<void(WorkerOptions&)> change = {})
      : store_(artifacts.empty() ? state / "artifacts" : artifacts),
        executor(store_, std::move(fake)) {
    WorkerOptions options{.peer = {*transport::parse_endpoint(url), std::nullopt, ""},
                          .session = {},
                          .state = state,
                          .say = [this](const std::string& text) { said.push_back(text); }};
    options.session.greeting.worker = "w1";
    options.session.retry_first = std::chrono::milliseconds(20);
    if (change) change(options);
    end_ = std::async(std::launch::async,
                      [this, options] { return run_worker(options, executor, store_); });
  }
  ~RunningWorker() {
    if (!end_.valid()) return;
    // Whichever worker of this process looks first takes the signal; what nobody took must not
    // reach the next test's.
    do ::kill(::getpid(), SIGTERM);
    while (end_.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    const timespec at_once{};
    while (::sigtimedwait(&set, nullptr, &at_once) == SIGTERM) continue;
    end();
  }
  WorkerEnd end() { return end_.get(); }
  // Whether it ended by itself.
  bool is_over(std::chrono::seconds limit = std::chrono::seconds(20)) {
    return end_.wait_for(limit) == std::future_status::ready;
  }

 private:
  io::ArtifactStore store_;

 public:
  FakeExecutor executor;
  std::vector<std::string> said;

 private:
  std::future<WorkerEnd> end_;
};

class WorkerOnRouter : public ::testing::Test {
 protected:
  // The signals of RunningWorker reach the worker's descriptor, not this process.
  static void SetUpTestSuite() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
  }

  ScratchFolder folder;
  io::ArtifactStore store{folder / "coordinator"};
};

TEST_F(WorkerOnRouter, ComputesWhatItIsLeasedAndSendsArtifactsInChunks) {
  ScriptedCoordinator coordinator(store);
  coordinator.tells_folder = false;
  testing::FakeExecutorOptions fake;
  fake.rows_bytes = 3 * wire::kChunkBytes + 17;
  RunningWorker worker(coordinator.url(), folder / "w1", fake);

  for (std::uint64_t seed = 1; seed <= 3; ++seed) coordinator.add(generate_lease(seed));
  coordinator.wait_for("three results",
                       [](const Heard& heard) { return heard.results.size() == 3; });

  for (const wire::ResultMessage& message : coordinator.heard().results) {
    EXPECT_EQ(message.result.artifacts.size(), 3u);
    for (const ArtifactRef& artifact : message.result.artifacts) {
      EXPECT_EQ(store.size(artifact.digest), artifact.bytes);
      EXPECT_TRUE(store.get(artifact.digest));
    }
  }
}

// The artifacts' door is where the session found its own, whatever the name stands for.
TEST_F(WorkerOnRouter, SendsArtifactsToTheAddressThatAnswered) {
  ScriptedCoordinator coordinator(store);
  coordinator.tells_folder = false;
  const std::string port = coordinator.url().substr(coordinator.url().rfind(':'));
  RunningWorker worker("tcp://localhost" + port, folder / "w1");

  coordinator.add(generate_lease(1));
  coordinator.wait_for("a result", [](const Heard& heard) { return heard.results.size() == 1; });
}

TEST_F(WorkerOnRouter, UsesAFolderThatBothSee) {
  ScriptedCoordinator coordinator(store);
  RunningWorker same(coordinator.url(), folder / "w1", {}, folder / "coordinator");

  coordinator.add(generate_lease(1));
  coordinator.wait_for("a result", [](const Heard& heard) { return heard.results.size() == 1; });

  EXPECT_FALSE(std::filesystem::exists(folder / "w1" / "artifacts"));
}

TEST_F(WorkerOnRouter, FetchesWhatAUnitNeeds) {
  ScriptedCoordinator coordinator(store);
  coordinator.tells_folder = false;
  const std::string rows(2 * wire::kChunkBytes + 5, 'r');
  const Digest digest = store.put(rows);
  RunningWorker worker(coordinator.url(), folder / "w1");
  ScoreUnit unit;
  wire::Lease lease{
      .unit = unit_name(unit),
      .attempt = {1, 1},
      .kind = UnitKind::kScore,
      .body = body_text(unit),
      .needs = {{"generate/a", UnitKind::kGenerate, {0, 64}, {{"rows/x", digest, rows.size()}}}},
      .blobs = {store.put("prompts")}};

  coordinator.add(lease);
  coordinator.wait_for("a result", [](const Heard& heard) { return heard.results.size() == 1; });

  EXPECT_EQ(coordinator.heard().results[0].result.digest, sha256(lease.unit + rows));
  EXPECT_TRUE(
      std::filesystem::exists(io::ArtifactStore(folder / "w1" / "artifacts").path(lease.blobs[0])));
}

TEST_F(WorkerOnRouter, TellsFailuresWithTheirClass) {
  ScriptedCoordinator coordinator(store);
  RunningWorker worker(coordinator.url(), folder / "w1");
  wire::Lease broken = generate_lease(1), lacking = generate_lease(2);
  broken.body = "{\"sample\":";
  lacking.blobs = {sha256("nobody has it")};

  coordinator.add(broken);
  coordinator.add(lacking);
  coordinator.wait_for("two failures",
                       [](const Heard& heard) { return heard.failures.size() == 2; });

  EXPECT_EQ(coordinator.heard().failures[0].failure.failure_class, FailureClass::kBug);
  EXPECT_EQ(coordinator.heard().failures[1].failure.failure_class, FailureClass::kInputOutput);
}

// In a folder of its own, and in the coordinator's.
TEST_F(WorkerOnRouter, NamesWhatItMissedOrFoundDamaged) {
  for (const bool is_shared : {false, true}) {
    ScriptedCoordinator coordinator(store);
    coordinator.tells_folder = is_shared;
    RunningWorker worker(coordinator.url(), folder / (is_shared ? "w1" : "w2"), {},
                         is_shared ? store.root() : std::filesystem::path());
    const Digest damaged = store.put("rows"), gone = sha256("gone"), whole = store.put("whole");
    testing::write_text(store.path(damaged), "rowS");
    ScoreUnit unit;
    coordinator.add(
        {.unit = unit_name(unit),
         .attempt = {1, 1},
         .kind = UnitKind::kScore,
         .body = body_text(unit),
         .needs = {{"generate/a",
                    UnitKind::kGenerate,
                    {0, 64},
                    {{"rows/x", damaged, 4}, {"rows/y", whole, 5}}},
                   {"generate/b", UnitKind::kGenerate, {64, 128}, {{"rows/x", gone, 4}}}},
         .blobs = {}});

    coordinator.wait_for("a failure", [](const Heard& heard) { return !heard.failures.empty(); });

    const UnitFailure failure = coordinator.heard().failures[0].failure;
    EXPECT_EQ(failure.failure_class, FailureClass::kInputOutput);
    EXPECT_EQ(failure.missing, (std::vector<Digest>{damaged, gone}));
    EXPECT_NE(failure.reason.find("missing or damaged"), std::string::npos) << failure.reason;
  }
}

TEST_F(WorkerOnRouter, KeepsItsResultsUntilTheyAreAcknowledged) {
  {
    ScriptedCoordinator silent(store);
    silent.set_acknowledging(false);
    RunningWorker worker(silent.url(), folder / "w1", {}, {},
                         [](WorkerOptions& o) { o.session.grace = std::chrono::milliseconds(0); });
    silent.add(generate_lease(1));
    silent.wait_for("a result", [](const Heard& heard) { return heard.results.size() == 1; });
  }
  agent::SpoolFolder spool(folder / "w1" / "spool");
  ASSERT_EQ(spool.load().outcomes.size(), 1u);

  ScriptedCoordinator coordinator(store);
  RunningWorker worker(coordinator.url(), folder / "w1");
  coordinator.wait_for("the result again",
                       [](const Heard& heard) { return heard.results.size() == 1; });

  testing::wait_until([&] { return spool.load().outcomes.empty(); }, std::chrono::seconds(10),
                      "an empty spool");
}

TEST_F(WorkerOnRouter, ReattachesToACoordinatorThatCameBack) {
  auto first = std::make_unique<ScriptedCoordinator>(store);
  const std::string url = first->url();
  testing::FakeExecutorOptions fake;
  fake.unit_time = std::chrono::milliseconds(400);
  RunningWorker worker(url, folder / "w1", fake);
  first->add(generate_lease(1));
  first->wait_for("a heartbeat with a running unit",
                  [](const Heard& heard) { return heard.heartbeats > 1; });

  first.reset();
  ScriptedCoordinator second(store, {.endpoint = url});
  second.wait_for("the result", [](const Heard& heard) { return heard.results.size() == 1; });

  const Heard heard = second.heard();
  EXPECT_EQ(heard.hellos.at(0).database, "db1");
  ASSERT_EQ(heard.hellos.at(0).running.size(), 1u);
  EXPECT_EQ(heard.hellos.at(0).running[0].unit, generate_lease(1).unit);
}

TEST_F(WorkerOnRouter, WaitsForACoordinatorThatIsNotThereYet) {
  const std::string url = "tcp://127.0.0.1:" + std::to_string(testing::free_port());
  RunningWorker worker(url, folder / "w1");
  testing::wait_until([&] { return std::filesystem::exists(folder / "w1" / "spool"); },
                      std::chrono::seconds(10), "a start");

  ScriptedCoordinator coordinator(store, {.endpoint = url});

  coordinator.wait_for("a greeting", [](const Heard& heard) { return heard.hellos.size() == 1; });
}

TEST_F(WorkerOnRouter, GivesUpAfterTheStatedTime) {
  const std::string url = "tcp://127.0.0.1:" + std::to_string(testing::free_port());
  RunningWorker worker(url, folder / "w1", {}, {}, [](WorkerOptions& o) {
    o.session.give_up = std::chrono::milliseconds(200);
  });

  ASSERT_TRUE(worker.is_over());

  EXPECT_EQ(worker.end().reason, agent::ExitReason::kGaveUp);
}

TEST_F(WorkerOnRouter, HandsBackWhatItCannotFinish) {
  ScriptedCoordinator coordinator(store);
  testing::FakeExecutorOptions fake;
  fake.unit_time = std::chrono::minutes(5);
  RunningWorker worker(coordinator.url(), folder / "w1", fake, {},
                       [](WorkerOptions& o) { o.session.grace = std::chrono::milliseconds(50); });
  coordinator.add(generate_lease(1));
  coordinator.wait_for("a heartbeat", [](const Heard& heard) { return heard.heartbeats > 0; });

  ::kill(::getpid(), SIGTERM);
  coordinator.wait_for("a goodbye", [](const Heard& heard) { return heard.goodbyes.size() == 1; });

  EXPECT_EQ(coordinator.heard().goodbyes[0].reason, "stopped");
  EXPECT_EQ(worker.end().reason, agent::ExitReason::kDone);
}

TEST_F(WorkerOnRouter, LeavesWhenTheCoordinatorDrains) {
  ScriptedCoordinator coordinator(store);
  coordinator.answer_heartbeats({{}, true, false});
  RunningWorker worker(coordinator.url(), folder / "w1");

  ASSERT_TRUE(worker.is_over());

  EXPECT_EQ(worker.end().reason, agent::ExitReason::kDone);
}

class WorkerWithKeys : public WorkerOnRouter {
 protected:
  WorkerWithKeys() {
    for (const char* name : {"coordinator", "w1", "stranger"})
      EXPECT_TRUE(transport::write_keys(folder / "keys", name));
    std::filesystem::create_directories(folder / "allowed");
    std::filesystem::copy(folder / "keys" / "w1.key", folder / "allowed" / "node-7.key");
  }
  net::RouterOptions options() {
    return {.endpoint = "tcp://127.0.0.1:0",
            .secret_file = folder / "keys" / "coordinator.secret",
            .allow_folder = folder / "allowed"};
  }
  std::function<void(WorkerOptions&)> with_keys(const std::string& name,
                                                const std::string& server) {
    return [this, name, server](WorkerOptions& o) {
      o.peer.keys = *transport::read_secret(folder / "keys" / (name + ".secret"));
      o.peer.server_key = *transport::read_public_key(folder / "keys" / (server + ".key"));
    };
  }
};

TEST_F(WorkerWithKeys, NamesAWorkerByItsKey) {
  ScriptedCoordinator coordinator(store, options());
  coordinator.tells_folder = false;
  RunningWorker worker(coordinator.url(), folder / "w1", {}, {}, with_keys("w1", "coordinator"));

  coordinator.add(generate_lease(1));
  coordinator.wait_for("a result", [](const Heard& heard) { return heard.results.size() == 1; });

  EXPECT_EQ(coordinator.heard().hellos.at(0).worker, "node-7");
}

TEST_F(WorkerWithKeys, TellsAWorkerThatIsNotListed) {
  ScriptedCoordinator coordinator(store, options());
  RunningWorker worker(coordinator.url(), folder / "w1", {}, {},
                       with_keys("stranger", "coordinator"));

  ASSERT_TRUE(worker.is_over());

  const WorkerEnd end = worker.end();
  EXPECT_EQ(end.reason, agent::ExitReason::kRefused);
  EXPECT_NE(end.text.find("does not know this worker's key"), std::string::npos) << end.text;
  EXPECT_TRUE(coordinator.heard().hellos.empty());
  EXPECT_GE(coordinator.router().counters().refused_keys, 1u);
}

// Its live session ends with its key, and nobody else's does.
TEST_F(WorkerWithKeys, EndsASessionWhoseKeyIsRemoved) {
  std::filesystem::copy(folder / "keys" / "stranger.key", folder / "allowed" / "other.key");
  ScriptedCoordinator coordinator(store, options());
  RunningWorker worker(coordinator.url(), folder / "w1", {}, {}, with_keys("w1", "coordinator"));
  RunningWorker other(coordinator.url(), folder / "w2", {}, {},
                      with_keys("stranger", "coordinator"));
  coordinator.wait_for("two workers", [](const Heard& heard) { return heard.hellos.size() == 2; });

  std::filesystem::remove(folder / "allowed" / "node-7.key");

  testing::wait_until([&] { return coordinator.revoked() == 1; }, std::chrono::seconds(1),
                      "the session's end");
  ASSERT_TRUE(worker.is_over());
  EXPECT_EQ(worker.end().reason, agent::ExitReason::kRefused);
  coordinator.add(generate_lease(1));
  coordinator.wait_for("a result of the other",
                       [](const Heard& heard) { return heard.results.size() == 1; });
  EXPECT_EQ(coordinator.revoked(), 1);
}

// A file that is half there costs those who are there nothing.
TEST_F(WorkerWithKeys, WorksOnBesideAKeyFileThatIsHalfWritten) {
  ScriptedCoordinator coordinator(store, options());
  RunningWorker worker(coordinator.url(), folder / "w1", {}, {}, with_keys("w1", "coordinator"));
  coordinator.wait_for("a worker", [](const Heard& heard) { return heard.hellos.size() == 1; });
  const std::string whole = testing::read_text(folder / "keys" / "stranger.key");

  testing::write_text(folder / "allowed" / "new.key", whole.substr(0, 17));
  testing::wait_until([&] { return !coordinator.router().key_faults().empty(); },
                      std::chrono::seconds(10), "the fault");
  const int heartbeats = coordinator.heard().heartbeats;
  RunningWorker second(coordinator.url(), folder / "w1-again", {}, {},
                       with_keys("w1", "coordinator"));
  coordinator.wait_for("its handshake and the other's life", [&](const Heard& heard) {
    return heard.hellos.size() == 2 && heard.heartbeats > heartbeats + 2;
  });
  testing::write_text(folder / "allowed" / "new.key", whole);
  RunningWorker newcomer(coordinator.url(), folder / "w2", {}, {},
                         with_keys("stranger", "coordinator"));

  coordinator.wait_for("the new worker",
                       [](const Heard& heard) { return heard.hellos.size() == 3; });
  EXPECT_EQ(coordinator.revoked(), 0);
}

TEST_F(WorkerWithKeys, TellsAWorkerThatExpectsAnotherCoordinator) {
  ScriptedCoordinator coordinator(store, options());
  RunningWorker worker(coordinator.url(), folder / "w1", {}, {}, with_keys("w1", "stranger"));

  ASSERT_TRUE(worker.is_over(std::chrono::seconds(40)));

  EXPECT_EQ(worker.end().reason, agent::ExitReason::kRefused);
}

TEST_F(WorkerWithKeys, TellsAWorkerWithoutKeys) {
  ScriptedCoordinator coordinator(store, options());
  RunningWorker worker(coordinator.url(), folder / "w1");

  ASSERT_TRUE(worker.is_over(std::chrono::seconds(40)));

  EXPECT_EQ(worker.end().reason, agent::ExitReason::kRefused);
}

}  // namespace
}  // namespace isocost::worker_net

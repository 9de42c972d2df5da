// A real coordinator and real workers (which only seem to compute), with kills: what is stored must
// not depend on them.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <map>

#include "schema/spec.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"

namespace isocost::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kCells = 6;
const std::string kUnet = sha256("unet").name(), kNetwork = sha256("network").name();

Submission make_submission() {
  Submission submission;
  submission.name = "study";
  submission.axes = {"seed"};
  submission.unit_images = 16;
  const std::string prompts = "{\"prompt\": \"a circle\"}\n";
  submission.blobs[sha256(prompts).name()] = prompts;
  const ExtractorSpec extractor{"mini-features", kNetwork, Json::object()};
  const ReferenceSpec reference{"world", "", extractor, {{"split", "validation"}, {"count", 64}}};
  submission.references[reference_key(reference).hex()] = reference;
  for (std::uint64_t seed = 0; seed < kCells; ++seed) {
    CellRequest cell;
    cell.labels = {{"seed", seed}};
    cell.sample.task = "text-to-image";
    cell.sample.inputs = {{"unet", kUnet}};
    cell.sample.sampler = {{"sampler", "ddim"}, {"steps", 4}};
    cell.sample.prompts = sha256(prompts).name();
    cell.sample.seed = seed;
    cell.sample.group_size = 16;
    cell.images = {0, 64};
    cell.keep_pictures = 2;
    cell.scores.push_back(
        {"fid", extractor, reference_key(reference).hex(), {0, 64}, Json::object()});
    cell.cost = {.calls_per_image = 4,
                 .steps_calls = 4,
                 .gflops_per_call = 1,
                 .gflops_decode = 1,
                 .gflops_text = 1,
                 .parameters = 1,
                 .weight_bytes = 1};
    submission.cells.push_back(cell);
  }
  return submission;
}

// One study: a coordinator on fixed ports, so that it can come back where it was, and workers with
// folders of their own.
class Study {
 public:
  explicit Study(const std::filesystem::path& root)
      : folder(root),
        http("http://127.0.0.1:" + std::to_string(free_port())),
        link("tcp://127.0.0.1:" + std::to_string(free_port())) {
    std::filesystem::create_directories(folder);
    start_coordinator();
  }

  void start_coordinator() {
    coordinator.emplace(
        std::vector<std::string>{program("isocost"), "coordinator", "--listen", link, "--http",
                                 http, "--db", folder / "isocost.db", "--lease-seconds", "4"},
        folder / "coordinator.log");
    wait_until([this] { return HttpClient(http).get("/api/v1/status").has_value(); }, 30s,
               "the coordinator", [this] { return coordinator->log(); });
  }

  // One that was given no name: its folders lie below `home`.
  Process nameless_worker(const std::string& log) {
    return Process({"/usr/bin/env", "XDG_STATE_HOME=" + (folder / "home").string(),
                    program("isocost-fake-worker"), "serve", "--connect", link, "--unit-ms", "60",
                    "--input", kUnet, "--input", kNetwork, "--grace", "5"},
                   folder / log);
  }

  Process worker(const std::string& name, int unit_ms = 60) {
    return Process({program("isocost-fake-worker"), "serve", "--connect", link, "--name", name,
                    "--state", folder / name, "--unit-ms", std::to_string(unit_ms), "--input",
                    kUnet, "--input", kNetwork, "--grace", "5"},
                   folder / (name + ".log"));
  }

  void submit() {
    const auto answer = HttpClient(http).post("/api/v1/experiments", to_json(make_submission()));
    ASSERT_TRUE(answer) << answer.error().message();
  }

  std::vector<std::string> worker_names() {
    std::vector<std::string> names;
    const auto workers = HttpClient(http).get("/api/v1/workers");
    if (workers)
      for (const Json& worker : *workers) names.push_back(worker.at("name").get<std::string>());
    return names;
  }

  // -1: the coordinator is not there.
  int units_done() {
    const auto status = HttpClient(http).get("/api/v1/status");
    return status ? status->at("units").at("done").get<int>() : -1;
  }
  void wait_for_units(int count) {
    wait_until([&] { return units_done() >= count; }, 60s, std::to_string(count) + " units",
               [this] { return describe(); });
  }
  void wait_for_all_cells() {
    wait_until(
        [this] {
          const auto study = HttpClient(http).get("/api/v1/experiments/study");
          return study && study->at("cells_done") == kCells;
        },
        90s, "all cells", [this] { return describe(); });
  }

  std::string describe() {
    const auto status = HttpClient(http).get("/api/v1/status");
    return (status ? status->dump(1) : status.error().message()) + "\n" + coordinator->log();
  }

  // Unit -> digest and values, as they are stored.
  std::map<std::string, std::string> results() {
    SQLite::Database database(folder / "isocost.db", SQLite::OPEN_READONLY);
    SQLite::Statement query(database,
                            "SELECT u.name, hex(r.digest) || ' ' || r.outcome FROM results r JOIN "
                            "units u ON u.id = r.unit");
    std::map<std::string, std::string> results;
    while (query.executeStep())
      results[query.getColumn(0).getString()] = query.getColumn(1).getString();
    return results;
  }

  std::filesystem::path folder;
  std::string http, link;
  std::optional<Process> coordinator;
};

class NetEndToEnd : public ::testing::Test {
 protected:
  // What a run without trouble stores.
  static const std::map<std::string, std::string>& expected() {
    static const std::map<std::string, std::string> results = [] {
      ScratchFolder root;
      Study study(root / "calm");
      const Process worker = study.worker("w1", 0);
      study.submit();
      study.wait_for_all_cells();
      return study.results();
    }();
    return results;
  }

  ScratchFolder root;
};

TEST_F(NetEndToEnd, RunsAStudyWithAWorkerThatJoinsLate) {
  Study study(root / "study");
  study.submit();
  const Process first = study.worker("w1");
  study.wait_for_units(3);

  const Process late = study.worker("w2");
  study.wait_for_all_cells();

  EXPECT_EQ(study.results().size(), static_cast<std::size_t>(kCells * 5 + 1));
  EXPECT_EQ(study.results(), expected());
}

// The same command twice on one machine: neither takes the other's name or folder.
TEST_F(NetEndToEnd, NumbersWorkersThatWereGivenNoNames) {
  Study study(root / "study");
  const Process first = study.nameless_worker("first.log");
  wait_until([&] { return first.log().find("attached") != std::string::npos; }, 20s, "a worker");
  const Process second = study.nameless_worker("second.log");

  wait_until([&] { return study.worker_names().size() == 2; }, 20s, "two workers",
             [&] { return study.describe() + second.log(); });

  const auto names = study.worker_names();
  EXPECT_EQ(names[1], names[0] + "-2");
  study.submit();
  study.wait_for_all_cells();
  EXPECT_EQ(study.results(), expected());
}

TEST_F(NetEndToEnd, LosesNothingWhenWorkersAreKilled) {
  Study study(root / "study");
  study.submit();
  std::optional<Process> first = study.worker("w1");
  const Process second = study.worker("w2");

  for (int kill = 1; kill <= 3; ++kill) {
    study.wait_for_units(4 * kill);
    first->kill(SIGKILL);
    first->wait(10s);
    first.emplace(study.worker("w1"));
  }
  study.wait_for_all_cells();

  EXPECT_EQ(study.results(), expected());
}

TEST_F(NetEndToEnd, LosesNothingWhenTheCoordinatorIsKilled) {
  Study study(root / "study");
  study.submit();
  const Process first = study.worker("w1"), second = study.worker("w2");

  for (int kill = 1; kill <= 3; ++kill) {
    study.wait_for_units(5 * kill);
    study.coordinator->kill(SIGKILL);
    study.coordinator->wait(10s);
    study.start_coordinator();
  }
  study.wait_for_all_cells();

  EXPECT_EQ(study.results(), expected());
}

TEST_F(NetEndToEnd, FinishesOrHandsBackOnSigterm) {
  Study study(root / "study");
  study.submit();
  Process leaving = study.worker("w1");
  study.wait_for_units(2);

  leaving.kill(SIGTERM);
  EXPECT_EQ(leaving.wait(20s), 0) << leaving.log();
  const Process staying = study.worker("w2");
  study.wait_for_all_cells();

  EXPECT_EQ(study.results(), expected());
}

TEST_F(NetEndToEnd, SaysOneSentenceForAPortInUse) {
  Study study(root / "study");

  const Finished second = run({program("isocost"), "coordinator", "--listen", study.link,
                               "--no-http", "--db", root / "other.db"},
                              20s);

  EXPECT_NE(second.status, 0);
  EXPECT_NE(second.output.find("the port is in use"), std::string::npos) << second.output;
}

}  // namespace
}  // namespace isocost::testing

// experiments/tiny.yaml, run by the real programs in every way that must not matter: the table is
// the same in all columns but measured_*, however many workers there were, however units were cut,
// whether artifacts travelled, and however often coordinator and workers were killed. And
// experiments/own-models.yaml on small models and data made here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <regex>
#include <sstream>

#include "tests/support/cells_csv.h"
#include "tests/support/process.h"
#include "tests/support/vandal.h"

namespace isocost {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Process;
using testing::ScratchFolder;

constexpr int kKillsOfEachKind = 10;

const fs::path kTiny = ISOCOST_SOURCE_DIR "/experiments/tiny.yaml";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// The cells of tiny.yaml at `images` images each, in units of `unit_images`, as a file in `folder`:
// a study that is computed many times. What must be the same does not depend on how many images
// there are.
fs::path few_images(const ScratchFolder& folder, int images = 32, int unit_images = 16) {
  std::string text = testing::read_text(kTiny);
  text = replaced(text, "\nimages: 128\n", "\nimages: " + std::to_string(images) + "\n");
  text = replaced(text, "\nunit_images: 64\n",
                  "\ngroup_size: 16\nunit_images: " + std::to_string(unit_images) + "\n");
  text = std::regex_replace(text, std::regex("count: 1024, seed: 1"), "count: 256, seed: 1");
  const fs::path file = folder / ("few-" + std::to_string(unit_images) + ".yaml");
  testing::write_text(file, text);
  return file;
}

// Of one run: a hundred times what it takes on two free cores, which others may need.
constexpr std::chrono::minutes kLimit{12};

std::vector<std::string> run_command(const fs::path& grid, const fs::path& out, int workers,
                                     const std::vector<std::string>& more = {}) {
  std::vector<std::string> command = {
      testing::program("isocost"), "run",   grid.string(), "--workers",
      std::to_string(workers),     "--out", out.string()};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

std::string table_of(const fs::path& grid, int workers, const std::vector<std::string>& more = {}) {
  const ScratchFolder out;
  const auto finished = testing::run(run_command(grid, out.path(), workers, more), kLimit);
  EXPECT_EQ(finished.status, 0) << finished.output;
  return testing::determined_columns(out / "cells.csv");
}

TEST(Study, IsTheSameHoweverItIsComputed) {
  const ScratchFolder folder;
  const fs::path grid = few_images(folder);
  const std::string table = table_of(grid, 1);
  // Drawing in all combinations, three further tasks of one cell each, and seven baselines.
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 2 * 2 * 2 * 2 + 3 + 7) << table;

  EXPECT_EQ(table_of(grid, 3), table) << "with three workers";
  EXPECT_EQ(table_of(few_images(folder, 32, 32), 2), table) << "with units of another size";
  EXPECT_EQ(table_of(grid, 2, {"--separate-artifacts"}), table) << "when artifacts travel";
}

TEST(Study, FindsEverythingComputedWhenItRunsAgain) {
  const ScratchFolder out;
  const auto command = run_command(kTiny, out.path(), 2);
  ASSERT_EQ(testing::run(command, kLimit).status, 0);

  const auto again = testing::run(command, kLimit);

  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_THAT(again.output, ::testing::HasSubstr("0 images and 0 units are new"));
}

void make_own_models(const ScratchFolder& folder) {
  const auto made = testing::run(
      {ISOCOST_REFERENCE_PYTHON, ISOCOST_SOURCE_DIR "/tests/end_to_end/make_own_models.py",
       ISOCOST_SOURCE_DIR "/tests/golden/models", folder.path().string()});
  ASSERT_EQ(made.status, 0) << made.output;
}

// Every method of every kind, with items of each form, in one study.
constexpr const char* kAllTasks = R"(
name: all-tasks
axes:
  model: models/sd1
  sampler: [ddpm]
  steps: [2, 3]
  guidance: [1, 3]
  image_guidance: [1, 2]
defaults: {strength: 0.7}
tasks:
  draw: {prompts: {file: prompts.jsonl}, metrics: [clip_score: {extractor: clip}]}
  vary: {kind: editing, method: sdedit, data: {folder: edits, fit: resize}}
  patch:
    kind: editing
    method: inpaint
    data: {folder: edits, fit: crop}
    metrics: [outside_mask, clip_t: {extractor: clip}]
  repaint: {kind: editing, method: inpaint, model: "painters/{name}", data: {folder: edits, fit: resize-crop}}
  obey:
    kind: editing
    method: instruct
    model: "editors/{name}"
    data: {folder: edits, fit: resize-crop}
    metrics: [psnr, clip_directional: {extractor: clip}, clip_i_source: {extractor: clip}]
  enlarge:
    kind: super-resolution
    model: "enlargers/{name}"
    data: {folder: photos, fit: crop}
    factor: 4
    metrics: [psnr, ssim, fid: {extractor: extractor.pt, reference: {folder: reference}}]
  twin:
    kind: super-resolution
    model: "enlargers/{name}"
    data: {low: low, high: high, fit: crop}
    factor: 2
    metrics: [psnr]
  grow:
    kind: super-resolution
    method: x4
    model: "upscalers/{name}"
    data: {folder: photos, fit: crop}
    factor: 4
    noise_level: 10
images: 12
group_size: 4
unit_images: 4
keep: {pictures: 2}
metrics:
  - fid: {extractor: extractor.pt, reference: {folder: reference}}
)";

TEST(Study, HasTheSameNumbersOfEveryTaskWithOneWorkerAndWithTwo) {
  const ScratchFolder folder;
  make_own_models(folder);
  const fs::path grid = folder / "all-tasks.yaml";
  testing::write_text(grid, kAllTasks);

  const ScratchFolder out;
  const auto finished = testing::run(run_command(grid, out.path(), 1), kLimit);
  ASSERT_EQ(finished.status, 0) << finished.output;
  const std::string table = testing::determined_columns(out / "cells.csv");

  // What was edited, where, and what it is held against stand beside the pictures.
  const std::string page = testing::read_text(out / "report.html");
  for (const char* name : {"source", "mask", "target", "low resolution"})
    EXPECT_THAT(page, ::testing::HasSubstr(std::string("alt=\"Image 0 by the item&#39;s ") + name));
  for (const char* file : {"obey/000001-target.png", "patch/000001-mask.png",
                           "vary/000000-source.png", "enlarge/000000-source.png"})
    EXPECT_TRUE(fs::exists(out / "pictures/items" / file)) << file;
  // Two steps and two guidances of eight tasks; one has an axis of its own besides.
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 2 * 2 * (7 + 2)) << table;
  EXPECT_EQ(table_of(grid, 2), table);
  EXPECT_EQ(table_of(grid, 2, {"--separate-artifacts"}), table) << "when artifacts travel";
}

TEST(Study, TakesAUsersModelsPromptsReferencesAndExtractors) {
  const ScratchFolder folder;
  make_own_models(folder);
  fs::copy_file(ISOCOST_SOURCE_DIR "/experiments/own-models.yaml", folder / "own-models.yaml");

  const std::string table = table_of(folder / "own-models.yaml", 2);

  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 4 * 2 * 2 * 2 * 2 + 6)
      << "three baselines of what is enlarged, one of what obeys, and one a size of what is "
         "repainted\n"
      << table;
}

// Rows, references and pictures are deleted, cut or changed while it is computed.
TEST(Study, IsTheSameThoughArtifactsAreDamaged) {
  constexpr int kStrikesMin = 10, kStrikesMax = 30;
  const ScratchFolder folder;
  const fs::path out = folder / "study";
  const fs::path grid = kTiny;
  Process study(run_command(grid, out, 2), folder / "log");
  testing::Vandal vandal(out / "artifacts", 11);
  int strikes = 0;
  auto next = std::chrono::steady_clock::now();
  testing::wait_until(
      [&] {
        if (strikes < kStrikesMax && std::chrono::steady_clock::now() >= next && vandal.strike()) {
          ++strikes;
          next = std::chrono::steady_clock::now() + 300ms;
        }
        return study.status().has_value();
      },
      10min, "the study", [&] { return study.log(); });

  EXPECT_EQ(study.wait(1s), 0) << study.log();
  EXPECT_GE(strikes, kStrikesMin);
  EXPECT_EQ(testing::determined_columns(out / "cells.csv"), table_of(grid, 2));
}

struct Kills {
  int coordinators = 0;
  int workers = 0;
  [[nodiscard]] bool are_enough() const {
    return coordinators >= kKillsOfEachKind && workers >= kKillsOfEachKind;
  }
};

// Runs the study to its end, killing at random; returns when it ended by itself.
void run_under_fire(const std::vector<std::string>& command, const fs::path& log,
                    std::mt19937_64& chance, Kills& kills) {
  while (true) {
    Process study(command, log);
    while (!study.status()) {
      const auto pause = std::chrono::milliseconds(300 + chance() % 2200);
      const auto end = std::chrono::steady_clock::now() + pause;
      testing::wait_until([&] { return study.status() || std::chrono::steady_clock::now() > end; },
                          pause + 10s, "a pause");
      if (study.status() || kills.are_enough()) continue;
      const std::vector<pid_t> supervisors = testing::children_of({study.pid()});
      const std::vector<pid_t> working = testing::children_of(supervisors);
      if (chance() % 2 == 0 && kills.workers < kKillsOfEachKind && !working.empty()) {
        // The working process, or the supervisor with it.
        ::kill(chance() % 3 == 0 ? supervisors[chance() % supervisors.size()]
                                 : working[chance() % working.size()],
               SIGKILL);
        ++kills.workers;
      } else if (kills.coordinators < kKillsOfEachKind) {
        study.kill(SIGKILL);
        ++kills.coordinators;
        study.wait(10s);
      }
    }
    if (study.status() != 128 + SIGKILL) {
      ASSERT_EQ(study.status(), 0) << study.log();
      return;
    }
  }
}

TEST(Study, IsTheSameWhenCoordinatorAndWorkersAreKilledAtRandom) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 chance(seed);
  const ScratchFolder out;
  Kills kills;
  int images = 32;
  fs::path grid;
  // Each round extends the study, until it was shot at often enough.
  do {
    grid = few_images(out, images);
    run_under_fire(run_command(grid, out.path(), 2), out / "log", chance, kills);
    if (HasFatalFailure()) return;
    images += 32;
  } while (!kills.are_enough());
  std::printf("killed %d coordinators and %d workers\n", kills.coordinators, kills.workers);

  EXPECT_GE(kills.coordinators, kKillsOfEachKind);
  EXPECT_GE(kills.workers, kKillsOfEachKind);
  const std::string answer = testing::read_text(out / "answer.csv");
  for (const char* task : {"draw", "enlarge", "repaint", "obey"})
    EXPECT_THAT(answer, ::testing::HasSubstr("\n" + std::string(task) + ",gflops"));
  EXPECT_EQ(testing::determined_columns(out / "cells.csv"), table_of(grid, 2));
}

// The program says what it can compute on, and a plan measures the grid's networks on that.
TEST(Calibration, MeasuresTheNetworksOfAGridHere) {
  const auto devices =
      testing::run({testing::program("isocost-worker"), "devices", "--json"}, 2min);
  const auto plan = testing::run(
      {testing::program("isocost"), "plan", kTiny.string(), "--calibrate", "--json"}, kLimit);

  ASSERT_EQ(devices.status, 0) << devices.output;
  EXPECT_NE(devices.output.find("\"device\": \"c"), std::string::npos) << devices.output;
  ASSERT_EQ(plan.status, 0) << plan.output;
  EXPECT_NE(plan.output.find("\"speed\": \"measured on this machine\""), std::string::npos)
      << plan.output;
  EXPECT_NE(plan.output.find("\"is_speed_measured\": true"), std::string::npos) << plan.output;
}

// Also those that begin with pictures, with their items and prompts.
TEST(Calibration, MeasuresNetworksOfEveryTask) {
  const ScratchFolder folder;
  make_own_models(folder);
  testing::write_text(folder / "all-tasks.yaml", kAllTasks);

  const auto plan = testing::run({testing::program("isocost"), "plan",
                                  (folder / "all-tasks.yaml").string(), "--calibrate", "--json"},
                                 kLimit);

  ASSERT_EQ(plan.status, 0) << plan.output;
  EXPECT_NE(plan.output.find("\"speed\": \"measured on this machine\""), std::string::npos)
      << plan.output;
}

}  // namespace
}  // namespace isocost

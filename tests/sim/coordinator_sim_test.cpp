// Two hundred lives of a coordinator, each from its seed (fewer under sanitizers, which make one
// fifty times slower). ISOCOST_SEED=7 runs one of them, ISOCOST_SEEDS=100000 so many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/sim/simulation.h"
#include "tests/support/submission_builder.h"

namespace isocost {
namespace {

using namespace std::chrono_literals;
using core::UnitState;
using testing::Simulation;
using testing::SimulationCounts;
using testing::submission_of;

#ifdef ISOCOST_SANITIZED
constexpr std::size_t kSeeds = 12;
#else
constexpr std::size_t kSeeds = 200;
#endif

// `share`: one of so many, for lives that are long.
std::vector<std::uint64_t> seeds(std::size_t share = 1) {
  if (const char* one = std::getenv("ISOCOST_SEED")) return {std::strtoull(one, nullptr, 10)};
  const char* number = std::getenv("ISOCOST_SEEDS");
  const std::size_t count = number == nullptr ? kSeeds : std::strtoull(number, nullptr, 10);
  std::vector<std::uint64_t> all(std::max<std::size_t>(1, count / share));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i + 1;
  return all;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::size_t count(const Simulation& simulation, UnitState state) {
  std::size_t number = 0;
  for (const auto& [unused, row] : simulation.store().state().units)
    number += row.state == state ? 1U : 0U;
  return number;
}

// What must hold whatever happened: after a calm time all is done, and nothing else.
TEST(CoordinatorSimulation, FinishesEverythingWhateverDies) {
  SimulationCounts total;
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    Simulation simulation(seed, {}, 3);
    simulation.submit(submission_of({.models = 2, .images = 96}));
    simulation.run(2min);
    simulation.submit(submission_of({.models = 2, .images = 160}));  // extended
    simulation.run(3min);
    simulation.calm();

    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 0U);
    total.worker_deaths += simulation.counts().worker_deaths;
    total.coordinator_deaths += simulation.counts().coordinator_deaths;
    total.deaths_after_commit += simulation.counts().deaths_after_commit;
    total.lost += simulation.counts().lost;
    total.repeated += simulation.counts().repeated;
  }
  std::cout << total.worker_deaths << " deaths of workers, " << total.coordinator_deaths
            << " of coordinators (" << total.deaths_after_commit << " between commit and send), "
            << total.lost << " messages lost, " << total.repeated << " repeated\n";
  if (seeds().size() > 1) {
    EXPECT_GT(total.worker_deaths, seeds().size());
    EXPECT_GT(total.deaths_after_commit, seeds().size());
  }
}

TEST(CoordinatorSimulation, FailsExactlyWhatIsPoisonedAndWhatNeedsIt) {
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    Simulation simulation(seed, {}, 2);
    const Submission submission = submission_of({.models = 2, .steps = {4}, .images = 96});
    const std::string victim = sample_key(submission.cells[0].sample).hex();
    simulation.poison(victim);
    simulation.submit(submission);
    simulation.run(2min);
    simulation.calm();

    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 3U);  // two ranges and their score
    simulation.run(1min);  // the last failures are told and acknowledged
    simulation.poison("nothing is poisoned");
    simulation.retry_all();
    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 0U);
  }
}

void add(SimulationCounts& total, const SimulationCounts& counts) {
  total.damaged += counts.damaged;
  total.made_again += counts.made_again;
  total.excused += counts.excused;
  total.failed_by_sick += counts.failed_by_sick;
  total.done_by_healed += counts.done_by_healed;
  total.stalled += counts.stalled;
}

// One worker of three fails whatever it gets, until somebody mends it.
TEST(CoordinatorSimulation, FailsNothingBesideASickWorker) {
  SimulationCounts total;
  for (const std::uint64_t seed : seeds(2)) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    Simulation simulation(seed, {}, 3);
    simulation.sicken(seed % 3);
    simulation.submit(submission_of({.models = 2, .images = 384}));
    simulation.run(4min);
    simulation.heal(seed % 3);
    simulation.submit(submission_of({.models = 2, .images = 768}));
    simulation.run(1min);
    simulation.calm();

    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 0U);
    add(total, simulation.counts());
  }
  std::cout << total.failed_by_sick << " units failed by sick workers, " << total.excused
            << " attempts excused, " << total.done_by_healed << " results of healed ones\n";
  if (seeds(2).size() > 1) {
    EXPECT_GT(total.excused, seeds(2).size());
    EXPECT_GT(total.done_by_healed, seeds(2).size());
  }
}

// All but one are sick, and fail at once what the other one takes its time for.
TEST(CoordinatorSimulation, FailsNothingBesideOneWorkerThatIsWell) {
  for (const std::uint64_t seed : seeds(5)) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    Simulation simulation(seed, {}, 4);
    simulation.calm();
    for (std::size_t worker = 0; worker < 4; ++worker)
      if (worker != seed % 4) simulation.sicken(worker);
    simulation.submit(submission_of({.models = 2, .images = 384}));

    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 0U);
  }
}

// What one of three costs is its share, and what it breaks before it is known.
TEST(CoordinatorSimulation, ASickWorkerCostsItsShareOfTheSpeed) {
  const auto time_of = [](std::uint64_t seed, int workers, bool has_sick) {
    Simulation simulation(seed, {}, workers);
    simulation.calm();
    if (has_sick) simulation.sicken(0);
    simulation.submit(submission_of({.models = 2, .images = 768}));
    const Instant begin = simulation.now();
    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 0U);
    EXPECT_LE(simulation.counts().failed_by_sick, 20U);
    return std::chrono::duration<double>(simulation.now() - begin).count();
  };
  double with_sick = 0, without = 0;
  for (const std::uint64_t seed : seeds(10)) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    with_sick += time_of(seed, 3, true);
    without += time_of(seed, 2, false);
  }
  EXPECT_LT(with_sick, 1.1 * without);
}

TEST(CoordinatorSimulation, MakesDamagedArtifactsAgain) {
  SimulationCounts total;
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    Simulation simulation(seed, {.damage = 60}, 3);
    simulation.submit(submission_of({.models = 2, .images = 96}));
    simulation.run(2min);
    simulation.submit(submission_of({.models = 2, .images = 160}));
    simulation.run(3min);
    simulation.calm();

    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 0U);
    add(total, simulation.counts());
  }
  std::cout << total.damaged << " artifacts damaged, " << total.made_again << " units made again, "
            << total.excused << " attempts excused\n";
  if (seeds().size() > 1) {
    EXPECT_GT(total.made_again, seeds().size());
  }
}

// One worker speaks and never ends what it began.
TEST(CoordinatorSimulation, TakesElsewhereWhatNeverEnds) {
  SimulationCounts total;
  for (const std::uint64_t seed : seeds(5)) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    Simulation simulation(seed, {.worker_death = 0, .coordinator_death = 0}, 3);
    simulation.submit(submission_of({.models = 2, .images = 384}));
    simulation.run(1min);
    simulation.stall(seed % 3);
    simulation.run(2min);
    simulation.calm();

    EXPECT_TRUE(simulation.run_until_finished(3h)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kFailed), 0U);
    add(total, simulation.counts());
  }
  std::cout << total.stalled << " attempts taken elsewhere\n";
  if (seeds(5).size() > 10) {
    EXPECT_GT(total.stalled, seeds(5).size() / 4);
  }
}

TEST(CoordinatorSimulation, CancelsWhatNothingElseWantsAndTakesItUpAgain) {
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE("ISOCOST_SEED=" + std::to_string(seed));
    Simulation simulation(seed, {}, 2);
    simulation.submit(submission_of({.name = "a", .models = 2, .steps = {4}}));
    simulation.submit(submission_of({.name = "b", .models = 1, .steps = {4}}));
    simulation.run(20s);
    simulation.cancel("a");
    simulation.run(1min);
    simulation.calm();
    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());

    simulation.submit(submission_of({.name = "a", .models = 2, .steps = {4}}));
    EXPECT_TRUE(simulation.run_until_finished(60min)) << joined(simulation.faults());
    ASSERT_TRUE(simulation.faults().empty()) << joined(simulation.faults());
    EXPECT_EQ(count(simulation, UnitState::kCancelled), 0U);
  }
}

}  // namespace
}  // namespace isocost

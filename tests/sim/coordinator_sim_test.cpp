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

std::vector<std::uint64_t> seeds() {
  if (const char* one = std::getenv("ISOCOST_SEED")) return {std::strtoull(one, nullptr, 10)};
  const char* number = std::getenv("ISOCOST_SEEDS");
  std::vector<std::uint64_t> all(number == nullptr ? kSeeds : std::strtoull(number, nullptr, 10));
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
    number += row.unit.state == state ? 1U : 0U;
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

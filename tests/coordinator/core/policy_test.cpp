#include "coordinator/core/policy.h"

#include <gtest/gtest.h>

namespace isocost::core {
namespace {

TEST(Policy, ChoosesNothingAmongNothing) { EXPECT_FALSE(choose({}).has_value()); }

TEST(Policy, PutsPriorityBeforeAWarmModel) {
  EXPECT_EQ(choose({{.priority = 0, .is_warm = true}, {.priority = 1}}), 1U);
}

TEST(Policy, KeepsAWorkerOnItsWarmModel) {
  EXPECT_EQ(choose({{.workers = 0, .gflops = 100}, {.is_warm = true, .workers = 5, .gflops = 1}}),
            1U);
}

TEST(Policy, IsUnfairForABoundedTimeOnly) {
  EXPECT_EQ(choose({{.passed_over = kPassedOverMax, .gflops = 1}, {.is_warm = true, .gflops = 9}}),
            0U);
}

TEST(Policy, SpreadsWorkersOverColdModelsAndTakesTheLongestFirst) {
  EXPECT_EQ(choose({{.workers = 1, .gflops = 9}, {.workers = 0, .gflops = 1}}), 1U);
  EXPECT_EQ(choose({{.gflops = 1}, {.gflops = 9}, {.gflops = 3}}), 1U);
}

TEST(Policy, LetsCellsCompleteFirst) {
  EXPECT_EQ(choose({{.is_warm = true, .gflops = 9}, {.has_network = false, .gflops = 1}}), 1U);
}

}  // namespace
}  // namespace isocost::core

#include "coordinator/core/pace.h"

#include <gtest/gtest.h>

#include <limits>

namespace isocost::core {
namespace {

using namespace std::chrono_literals;

constexpr ClassId kWork{0}, kOther{1};

TEST(Paces, GivesTenTimesWhatSuchWorkTookOnSuchADevice) {
  Paces paces{{}};
  paces.observe({.device_class = "cpu", .work = kWork, .gflops = 100}, 200);
  paces.observe({.device_class = "cpu", .work = kWork, .gflops = 100}, 400);

  EXPECT_EQ(paces.limit({.device_class = "cpu", .work = kWork, .gflops = 100}), 3000s);
  EXPECT_EQ(paces.limit({.device_class = "cpu", .work = kWork, .gflops = 200}), 6000s);
}

TEST(Paces, GivesNoLessThanItsLeast) {
  Paces paces{{}};
  paces.observe({.device_class = "gpu", .work = kWork, .gflops = 100}, 0.1);

  EXPECT_EQ(paces.limit({.device_class = "gpu", .work = kWork, .gflops = 100}), 10min);
}

TEST(Paces, GivesLongWhereNothingIsKnown) {
  Paces paces{{}};
  paces.observe({.device_class = "gpu", .work = kWork, .gflops = 1000}, 10);

  // Of this device nothing: it may be slow.
  EXPECT_EQ(paces.limit({.device_class = "cpu", .work = kWork, .gflops = 100}), 1h);
  EXPECT_EQ(paces.limit({.device_class = "cpu", .work = kWork, .gflops = 50'000}), 50'000s);
}

// What a score costs says nothing of a network.
TEST(Paces, LearnsNothingOfNetworksFromNominalPrices) {
  Paces paces{{}};
  paces.observe({.device_class = "gpu", .work = kWork, .gflops = 1, .has_network = false}, 100);

  EXPECT_EQ(paces.limit({.device_class = "gpu", .work = kOther, .gflops = 5000}), 5000s);
}

TEST(Paces, LearnsOfOneNetworkFromAnother) {
  Paces paces{{}};
  paces.observe({.device_class = "gpu", .work = kWork, .gflops = 1000}, 1);

  EXPECT_EQ(paces.limit({.device_class = "gpu", .work = kOther, .gflops = 1e6}), 100'000s);
}

TEST(Paces, DoublesForEachAttemptThatTookTooLong) {
  Paces paces{{}};
  paces.observe({.device_class = "gpu", .work = kWork, .gflops = 100}, 0.1);

  EXPECT_EQ(paces.limit({.device_class = "gpu", .work = kWork, .gflops = 100, .stalls = 2}), 40min);
  EXPECT_LE(paces.limit({.device_class = "gpu", .work = kWork, .gflops = 1e300, .stalls = 1000}),
            kLimitMax);
}

TEST(Paces, LearnsWithoutPricesToo) {
  Paces paces{{}};
  paces.observe({.device_class = "cpu", .work = kWork, .gflops = 0}, 100);
  paces.observe({.device_class = "cpu", .work = kWork, .gflops = 0}, 300);

  EXPECT_EQ(paces.limit({.device_class = "cpu", .work = kWork, .gflops = 0}), 2000s);
}

TEST(Paces, BelievesNoNumberThatIsNone) {
  Paces paces{{}};
  paces.observe({.device_class = "cpu", .work = kWork, .gflops = 1}, -5);
  paces.observe({.device_class = "cpu", .work = kWork, .gflops = 1},
                std::numeric_limits<double>::quiet_NaN());
  paces.observe({.device_class = "cpu", .work = kWork, .gflops = 1}, 0);

  EXPECT_EQ(paces.limit({.device_class = "cpu", .work = kWork, .gflops = 1}), 1h);
}

}  // namespace
}  // namespace isocost::core

#include "base/io/limits.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/support/no_descriptors.h"

namespace isocost::io {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

#ifndef ISOCOST_SANITIZED  // sanitizers look at types through pipes, which need descriptors
TEST(Limits, ADescriptorIsAwaitedUntilThereIsOne) {
  await_descriptor(0ms);  // there is one
  std::optional<testing::NoDescriptors> none(std::in_place);
  const auto begin = steady_clock::now();

  await_descriptor(30ms);  // in vain

  EXPECT_GE(steady_clock::now() - begin, 30ms);
  std::thread other([&] { none.reset(); });
  await_descriptor(1min);
  other.join();
  EXPECT_LT(steady_clock::now() - begin, 50s);
}
#endif

TEST(Limits, ErrorsOfDescriptorsAreNoOthers) {
  EXPECT_TRUE(is_out_of_descriptors({EMFILE, std::generic_category()}));
  EXPECT_TRUE(is_out_of_descriptors({ENFILE, std::system_category()}));
  EXPECT_FALSE(is_out_of_descriptors({ENOSPC, std::generic_category()}));
  EXPECT_FALSE(is_out_of_descriptors({}));
}

}  // namespace
}  // namespace isocost::io

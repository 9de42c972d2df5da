// Goal: on a GPU the engine gives what diffusers gave on a CPU, within the reference's tolerances,
// and the same bits twice. Label gpu; needs one: ctest --test-dir build/release -L gpu
#include <gtest/gtest.h>

#include "worker/diffusion/models/device.h"
#include "worker/diffusion/verify/verify.h"

namespace isocost::diffusion {
namespace {

VerifyOptions on_gpu(const std::string& name, const at::Device& device) {
  return {.model = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/models" / name,
          .reference = {},
          .run = {},
          .device = device};
}

class GpuCase : public testing::TestWithParam<std::string> {};

TEST_P(GpuCase, AgreesWithItsReference) {
  const auto device = open_device("cuda:0");
  ASSERT_TRUE(device) << device.error().message();

  const auto report = verify(on_gpu(GetParam(), *device));

  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->comparisons.empty());
  for (const auto& one : report->comparisons)
    EXPECT_TRUE(one.is_within) << one.item << " " << one.output << ": " << one.difference << " > "
                               << one.tolerance;
  for (const auto& fault : report->faults) ADD_FAILURE() << fault.message();
}

TEST_P(GpuCase, GivesTheSameBitsTwice) {
  const auto device = open_device("cuda:0");
  ASSERT_TRUE(device) << device.error().message();

  const auto first = verify(on_gpu(GetParam(), *device));
  const auto second = verify(on_gpu(GetParam(), *device));

  ASSERT_TRUE(first && second);
  ASSERT_EQ(first->computed.size(), second->computed.size());
  for (const auto& [name, tensor] : first->computed)
    EXPECT_TRUE(at::equal(tensor, second->computed.at(name))) << name;
}

INSTANTIATE_TEST_SUITE_P(Models, GpuCase,
                         testing::Values("sd1", "sd2", "bk-base", "bk-tiny", "groups32", "clip"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace isocost::diffusion

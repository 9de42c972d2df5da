#include "schema/devices/devices.h"

#include <gmock/gmock.h>

#include <set>

namespace isocost::devices {
namespace {

using ::testing::HasSubstr;

std::string found(std::string_view text) {
  const auto device = find_device(text);
  return device ? std::string((*device)->name) : "-";
}

TEST(Devices, AreFoundByWhatPeopleAndDriversCallThem) {
  for (const auto& [asked, name] : {std::pair("H100", "H100"),
                                    {"h100", "H100"},
                                    {"NVIDIA H100 80GB HBM3", "H100"},
                                    {"NVIDIA H100 PCIe", "H100 PCIe"},
                                    {"NVIDIA H100 NVL", "H100 NVL"},
                                    {"NVIDIA A100-SXM4-80GB", "A100"},
                                    {"NVIDIA A10", "A10"},
                                    {"NVIDIA A10G", "A10G"},
                                    {"NVIDIA L4", "L4"},
                                    {"NVIDIA L40S", "L40S"},
                                    {"Tesla T4", "T4"},
                                    {"Tesla V100-SXM2-32GB", "V100"},
                                    {"NVIDIA GeForce RTX 4090", "GeForce RTX 4090"},
                                    {"rtx4090", "GeForce RTX 4090"},
                                    {"4090", "GeForce RTX 4090"},
                                    {"A6000", "RTX A6000"},
                                    {"NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"},
                                    {"NVIDIA GeForce RTX 4070 Ti", "GeForce RTX 4070 Ti"},
                                    {"4070ti", "GeForce RTX 4070 Ti"},
                                    {"NVIDIA GH200 480GB", "GH200"},
                                    {"NVIDIA A100-SXM4-40GB", "A100 40GB"},
                                    {"NVIDIA A100-PCIE-40GB", "A100 40GB"},
                                    {"Tesla V100-SXM2-16GB", "V100 16GB"},
                                    {"a100-40gb", "A100 40GB"}})
    EXPECT_EQ(found(asked), name) << asked;
}

// Those that are not in the table are taken for none that is.
TEST(Devices, AreNotTakenForOthersOfTheSameNumber) {
  for (const char* asked :
       {"NVIDIA GeForce RTX 3080 Ti", "RTX 3080 Ti", "3080ti", "NVIDIA GeForce RTX 4080 SUPER",
        "NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA GeForce RTX 4090 D", "RTX 4070",
        "NVIDIA H200 NVL", "NVIDIA A100-SXM-64GB"})
    EXPECT_EQ(found(asked), "-") << asked;
}

TEST(Devices, EachIsFoundByItsOwnName) {
  std::set<std::string_view> names;
  for (const Device& device : all()) {
    EXPECT_EQ(found(device.name), device.name);
    EXPECT_TRUE(names.insert(device.name).second) << device.name;
    EXPECT_GT(device.half_tflops, device.float32_tflops);
    EXPECT_FALSE(device.source.empty());
  }
}

TEST(Devices, SaysWhichThereAre) {
  EXPECT_THAT(find_device("Voodoo 2").error().message(),
              HasSubstr("is not known; expected one of"));
  EXPECT_THAT(find_device("Voodoo 2").error().message(), HasSubstr("H100"));
  EXPECT_THAT(find_device("rtx").error().message(), HasSubstr("may be several"));
  EXPECT_FALSE(find_device("").has_value());
}

TEST(Devices, ReachLessInFloat32AndNothingMoreInATypeThatTheyLack) {
  const Device& v100 = **find_device("V100");
  const Device& h100 = **find_device("H100");

  EXPECT_LT(gflops_per_second(h100, "float32"), gflops_per_second(h100, "bfloat16"));
  EXPECT_EQ(gflops_per_second(h100, "float16"), gflops_per_second(h100, "bfloat16"));
  EXPECT_LT(gflops_per_second(v100, "bfloat16"), gflops_per_second(v100, "float16"));
}

}  // namespace
}  // namespace isocost::devices

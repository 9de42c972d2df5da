// The mini family's feature network and what is measured with it, held against plain PyTorch, lpips
// and NumPy (tests/golden/make_feature_network.py).
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/io/atomic_file.h"
#include "tests/worker/diffusion/image/waves.h"
#include "tests/worker/diffusion/metrics/rows.h"
#include "worker/diffusion/metrics/extractors/extractor.h"
#include "worker/diffusion/models/feature_network.h"

namespace isocost::diffusion {
namespace {

constexpr double kNear = 1e-5;

const std::filesystem::path kNetworkFolder =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/feature_network";

const Json& known() {
  static const Json kJson =
      parse_json(io::read_file(kNetworkFolder / "golden.json").value(), "golden.json").value();
  return kJson;
}

at::Tensor pictures_of(const char* name) {
  std::vector<at::Tensor> pictures;
  for (const Json& bend : known().at(name))
    pictures.push_back(
        isocost::testing::picture_tensor(isocost::testing::waves(16, 16, bend.get<double>())));
  return at::cat(pictures);
}

RowInput edits() {
  RowInput input{.pictures = pictures_of("pictures"), .prompts = {}};
  input.items.sources = pictures_of("sources");
  input.items.targets = pictures_of("targets");
  return input;
}

at::Tensor rows_by(const char* kind) {
  auto extractor = load_extractor({kind, "", Json::object()}, kNetworkFolder);
  EXPECT_TRUE(extractor) << (extractor ? "" : extractor.error().message());
  const auto rows = extractor ? (*extractor)->extract(edits()) : Result<at::Tensor>();
  EXPECT_TRUE(rows) << (rows ? "" : rows.error().message());
  return rows.value_or(at::Tensor());
}

// NaN where `expected` is null.
void expect_near(double value, const Json& expected) {
  if (expected.is_null())
    EXPECT_TRUE(std::isnan(value)) << value;
  else
    EXPECT_NEAR(value, expected.get<double>(), kNear);
}

void expect_rows(const at::Tensor& rows, const Json& expected) {
  ASSERT_EQ(rows.size(0), static_cast<std::int64_t>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const at::Tensor row = rows[static_cast<std::int64_t>(i)].reshape(-1);
    const Json& wanted = expected[i].is_array() ? expected[i] : Json::array({expected[i]});
    ASSERT_EQ(row.size(0), static_cast<std::int64_t>(wanted.size()));
    for (std::size_t k = 0; k < wanted.size(); ++k)
      expect_near(row[static_cast<std::int64_t>(k)].item<double>(), wanted[k]);
  }
}

TEST(FeatureNetwork, EqualsPlainPyTorch) {
  const at::NoGradGuard no_gradients;
  auto network = load_feature_network(kNetworkFolder);
  ASSERT_TRUE(network) << network.error().message();

  const auto output = (*network)->forward(pictures_of("pictures").to(at::kFloat) / 127.5 - 1);

  expect_rows(output.features, known().at("features"));
  expect_rows(output.answers, known().at("answers"));
  expect_rows(output.pooled, known().at("pooled"));
  expect_rows(rows_by("mini-features"), known().at("features"));
}

TEST(FeatureNetwork, DistanceEqualsThatOfLpipsWithoutItsHeads) {
  expect_rows(rows_by("mini-perceptual"), known().at("distance"));
}

// Among them a third of what was to change, and an edit that changes nothing.
TEST(FeatureNetwork, SharesOfEditsEqualNumpys) {
  expect_rows(rows_by("mini-edits"), known().at("shares"));
}

}  // namespace
}  // namespace isocost::diffusion

#include "coordinator/artifact_look.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>

#include "base/io/picture.h"
#include "base/io/safetensors.h"
#include "tests/support/process.h"

namespace isocost::coordinator {
namespace {

using ::testing::HasSubstr;
using units::ArtifactForm;

class ArtifactLook : public ::testing::Test {
 protected:
  // What is wrong with these bytes; empty: nothing.
  std::string fault(const std::string& bytes, const ArtifactForm& form) {
    const ArtifactRef artifact{"a", store.put(bytes), bytes.size()};
    return look_at_artifact(store, artifact, form).value_or("");
  }
  static std::string tensors(
      const std::map<std::string, std::pair<io::Dtype, std::vector<std::int64_t>>>& entries) {
    static const std::string kZeros(1 << 16, '\0');
    io::TensorViews views;
    for (const auto& [name, about] : entries) {
      std::int64_t bytes = io::dtype_bits(about.first) / 8;
      for (const std::int64_t size : about.second) bytes *= size;
      views[name] = {about.first, about.second,
                     std::as_bytes(std::span(kZeros)).first(static_cast<std::size_t>(bytes))};
    }
    return io::safetensors_bytes(views);
  }

  testing::ScratchFolder folder;
  io::ArtifactStore store{folder / "artifacts"};
  const ArtifactForm rows{.kind = ArtifactForm::Kind::kRows, .rows = 64};
  const ArtifactForm reference{.kind = ArtifactForm::Kind::kReference};
  const ArtifactForm picture{.kind = ArtifactForm::Kind::kPicture, .height = 8, .width = 16};
};

TEST_F(ArtifactLook, KnowsATableOfRows) {
  EXPECT_EQ(fault(tensors({{"rows", {io::Dtype::kF32, {64, 3}}}}), rows), "");

  EXPECT_THAT(fault(tensors({{"rows", {io::Dtype::kF32, {63, 3}}}}), rows), HasSubstr("[63, 3]"));
  EXPECT_EQ(fault(tensors({{"rows", {io::Dtype::kF64, {64, 3}}}}), rows), "");
  EXPECT_THAT(fault(tensors({{"rows", {io::Dtype::kF16, {64, 3}}}}), rows), HasSubstr("F16"));
  EXPECT_NE(fault(tensors({{"rows", {io::Dtype::kF32, {64}}}}), rows), "");
  EXPECT_NE(fault(tensors({{"rows", {io::Dtype::kF32, {64, 0}}}}), rows), "");
  EXPECT_NE(fault(tensors({{"other", {io::Dtype::kF32, {64, 3}}}}), rows), "");
  EXPECT_NE(fault("rows", rows), "");
  EXPECT_NE(fault("", rows), "");
}

TEST_F(ArtifactLook, KnowsTheStatisticsOfAReference) {
  using io::Dtype;
  const std::map<std::string, std::pair<Dtype, std::vector<std::int64_t>>> good = {
      {"mu", {Dtype::kF64, {4}}},
      {"sigma", {Dtype::kF64, {4, 4}}},
      {"n", {Dtype::kI64, {}}},
      {"rows", {Dtype::kF32, {10, 4}}}};
  EXPECT_EQ(fault(tensors(good), reference), "");

  for (const auto& [name, about] :
       std::map<std::string, std::pair<Dtype, std::vector<std::int64_t>>>{
           {"sigma", {Dtype::kF64, {4, 5}}},
           {"n", {Dtype::kF32, {}}},
           {"rows", {Dtype::kF32, {10, 5}}},
           {"mu", {Dtype::kF64, {}}}}) {
    auto bad = good;
    bad[name] = about;
    EXPECT_NE(fault(tensors(bad), reference), "") << name;
  }
  // What another unit leaves is no reference.
  EXPECT_NE(fault(tensors({{"rows", {Dtype::kF32, {64, 3}}}}), reference), "");
}

TEST_F(ArtifactLook, KnowsAPictureOfItsSize) {
  const auto png = [](int height, int width) {
    io::Picture made{width, height, {}};
    made.rgb.assign(3 * static_cast<std::size_t>(height * width), 7);
    return io::png_bytes(made);
  };

  EXPECT_EQ(fault(png(8, 16), picture), "");
  EXPECT_THAT(fault(png(16, 8), picture), HasSubstr("8 x 16 pixels; expected 16 x 8"));
  EXPECT_EQ(fault("no picture, but long enough for its first bytes", picture), "it is no PNG");
  EXPECT_EQ(fault("\x89PNG", picture), "it is no PNG");
}

TEST_F(ArtifactLook, HoldsTheSizeAgainstTheFile) {
  const std::string bytes = tensors({{"rows", {io::Dtype::kF32, {64, 3}}}});
  const Digest digest = store.put(bytes);

  EXPECT_TRUE(look_at_artifact(store, {"a", digest, bytes.size() + 1}, rows));
  EXPECT_TRUE(look_at_artifact(store, {"a", digest, ~0ULL}, rows));
  EXPECT_TRUE(look_at_artifact(store, {"a", sha256("nowhere"), 7}, rows));
}

}  // namespace
}  // namespace isocost::coordinator

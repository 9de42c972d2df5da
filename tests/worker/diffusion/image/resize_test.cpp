#include "worker/diffusion/image/resize.h"

#include <gtest/gtest.h>

#include <numeric>
#include <span>

#include "base/io/atomic_file.h"
#include "base/json.h"
#include "tests/worker/diffusion/image/waves.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::waves;

const Json& golden() {
  static const Json kExpected = parse_json(io::read_file(std::filesystem::path(ISOCOST_SOURCE_DIR) /
                                                         "tests/golden/metrics.json")
                                               .value(),
                                           "metrics.json")
                                    .value();
  return kExpected;
}

template <class Pixels>
void expect_sums(const Pixels& rgb, const Json& expected, double relative) {
  double sum = 0, squares = 0;
  for (const auto value : rgb) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  EXPECT_NEAR(sum, expected.at("sum").get<double>(), relative * sum);
  EXPECT_NEAR(squares, expected.at("sumsq").get<double>(), relative * squares);
}

TEST(Resize, EightBitsEqualPilToTheLastBit) {
  const io::Picture picture = waves(64, 48, .011);

  expect_sums(resize_u8(picture, 299, 299, Filter::kBicubic).rgb,
              golden().at("resize299").at("pil_bicubic_uint8"), 0);
  expect_sums(resize_u8(picture, 299, 299, Filter::kBilinear).rgb,
              golden().at("resize299").at("pil_bilinear_uint8"), 0);
}

io::Picture noise(int width, int height, std::uint64_t seed) {
  io::Picture picture{width, height, {}};
  for (int i = 0; i < 3 * width * height; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    picture.rgb.push_back(static_cast<std::uint8_t>(seed >> 56));
  }
  return picture;
}

template <class T>
std::string digest_of(const std::vector<T>& values) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(values)));
  return hash.finish().hex();
}

// Goal: equal for any sizes, also where Pillow runs the vertical pass first. Method:
// make_resizes.py asked Pillow 13.
TEST(Resize, EqualsPillowAtEverySize) {
  const auto file = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/resizes.json";
  const Json cases = parse_json(io::read_file(file).value(), file.string()).value();
  ASSERT_GT(cases.size(), 400U);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Json& one = cases[i];
    SCOPED_TRACE(one.dump());
    const io::Picture picture = noise(one[0], one[1], i);
    const Filter filter = one[4] == 2 ? Filter::kBilinear : Filter::kBicubic;

    EXPECT_EQ(digest_of(resize_u8(picture, one[2], one[3], filter).rgb), one[5].get<std::string>());
    EXPECT_EQ(digest_of(resize_float(picture, one[2], one[3], filter).rgb),
              one[6].get<std::string>());
  }
}

TEST(Resize, FloatBicubicEqualsCleanFid) {
  FloatPicture up = resize_float(waves(64, 48, .011), 299, 299, Filter::kBicubic);
  clip_to_byte_range(up);
  FloatPicture down = resize_float(waves(640, 512, .0011), 299, 299, Filter::kBicubic);
  clip_to_byte_range(down);

  expect_sums(up.rgb, golden().at("resize299").at("pil_bicubic_float_clip (clean-fid)"), 1e-9);
  expect_sums(down.rgb, golden().at("down299_from512x640").at("pil_bicubic_float"), 1e-9);
}

TEST(Resize, BilinearEqualsTensorFlowAndTorch) {
  const io::Picture small = waves(64, 48, .011), large = waves(640, 512, .0011);

  expect_sums(resize_tf1_bilinear(small, 299, 299).rgb, golden().at("resize299").at("tf1_bilinear"),
              1e-8);
  expect_sums(resize_tf1_bilinear(large, 299, 299).rgb,
              golden().at("down299_from512x640").at("tf1_bilinear"), 1e-8);
  expect_sums(resize_torch_bilinear(small, 299, 299).rgb,
              golden().at("resize299").at("torch_bilinear_ac_false"), 1e-8);
  expect_sums(resize_torch_bilinear(large, 299, 299).rgb,
              golden().at("down299_from512x640").at("torch_bilinear"), 1e-8);
}

TEST(Resize, ToTheSameSizeChangesNothing) {
  const io::Picture picture = waves(20, 10, .011);

  EXPECT_EQ(resize_u8(picture, 20, 10, Filter::kBicubic), picture);
}

TEST(Resize, AFlatPictureStaysFlat) {
  for (const auto& [width, height] :
       {std::pair{1, 1}, std::pair{3, 50}, std::pair{50, 3}, std::pair{7, 7}}) {
    const io::Picture flat{5, 9, std::vector<std::uint8_t>(3 * 5 * 9, 200)};

    const auto out = resize_u8(flat, width, height, Filter::kBicubic).rgb;

    EXPECT_EQ(std::count(out.begin(), out.end(), 200), std::ptrdiff_t{3} * width * height);
  }
}

}  // namespace
}  // namespace isocost::diffusion

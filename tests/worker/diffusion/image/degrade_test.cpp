#include "worker/diffusion/image/real_esrgan.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <set>

#include "base/io/atomic_file.h"
#include "base/json.h"
#include "worker/diffusion/image/blur_kernels.h"
#include "worker/diffusion/image/draws.h"
#include "worker/diffusion/image/resize.h"

namespace isocost::diffusion {
namespace {

const Json& golden_degradations() {
  static const Json kCases = parse_json(io::read_file(std::filesystem::path(ISOCOST_SOURCE_DIR) /
                                                      "tests/golden/degradations.json")
                                            .value(),
                                        "degradations.json")
                                 .value();
  return kCases;
}

// The picture that make_degradations.py made smaller: whole numbers alone.
io::Picture folded_slopes(int width, int height) {
  io::Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        const int slope = std::abs((5 * x + 3 * y + 80 * c) % 510 - 255);
        const int rim = x % 16 == 0 || y % 24 == 0 ? 255 : 0;
        const bool is_even = (x / 16 + y / 24) % 2 == 0;
        picture.rgb.push_back(
            static_cast<std::uint8_t>(std::max(is_even ? slope : 255 - slope, rim)));
      }
  return picture;
}

io::Picture made_of(const Json& one) {
  const io::Picture picture = folded_slopes(one.at("width"), one.at("height"));
  const int factor = one.at("factor");
  if (one.at("name") == "bicubic")
    return resize_u8(picture, picture.width / factor, picture.height / factor, Filter::kBicubic);
  return real_esrgan(picture, {.factor = factor,
                               .seed = one.at("seed").get<std::uint64_t>(),
                               .item = one.at("item").get<std::uint64_t>()})
      .value();
}

std::string hexadecimal(const io::Picture& picture) {
  std::string text;
  for (const auto value : picture.rgb) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[value / 16U];
    text += kDigits[value % 16U];
  }
  return text;
}

// Of bytes written so.
double mean_difference(const std::string& one, const std::string& other) {
  double sum = 0;
  for (std::size_t i = 0; i < one.size(); i += 2)
    sum += std::abs(std::stoi(one.substr(i, 2), nullptr, 16) -
                    std::stoi(other.substr(i, 2), nullptr, 16));
  return 2 * sum / static_cast<double>(one.size());
}

// Every way that real-esrgan takes is among the cases: make_degradations.py asserts it. Where a
// value stood in the middle between two bytes the order of a sum decides, and JPEG makes more of
// it.
TEST(Degrade, GivesTheBytesOfPyTorchAndPillow) {
  int exact = 0;
  for (const Json& one : golden_degradations()) {
    const auto made = hexadecimal(made_of(one));
    const auto expected = one.at("rgb").get<std::string>();
    ASSERT_EQ(made.size(), expected.size());
    if (one.at("tie").get<double>() < 1e-9) {
      EXPECT_LT(mean_difference(made, expected), 8) << one.at("item") << " " << one.at("draws");
      continue;
    }
    ++exact;
    EXPECT_TRUE(made == expected) << one.at("name") << " " << one.at("item") << " "
                                  << one.at("draws") << ": off by "
                                  << mean_difference(made, expected) << " in the mean";
  }
  EXPECT_GE(exact, 40);
}

TEST(Degrade, AnItemLooksTheSameWheneverItIsMade) {
  const io::Picture picture = folded_slopes(64, 64);
  const auto of = [&](std::uint64_t seed, std::uint64_t item) {
    return hexadecimal(real_esrgan(picture, {.factor = 4, .seed = seed, .item = item}).value());
  };

  const auto once = of(3, 17);
  std::set<std::string> others;
  for (std::uint64_t item = 0; item < 16; ++item) others.insert(of(3, item));

  EXPECT_EQ(others.size(), 16U);
  EXPECT_EQ(of(3, 17), once);
  EXPECT_NE(of(4, 17), once);
}

// A picture smaller than the largest kernel is mirrored more than once.
TEST(Degrade, TakesPicturesOfAFewPixels) {
  for (std::uint64_t item = 0; item < 50; ++item) {
    const auto made = real_esrgan(folded_slopes(8, 4), {.factor = 4, .item = item}).value();
    EXPECT_EQ(made.width, 2);
    EXPECT_EQ(made.height, 1);
  }
}

// Whatever it would draw for an item: a grid is refused at once, not at its hundredth item.
TEST(Degrade, RefusesPicturesThatCouldBecomeTooLargeOnTheWay) {
  for (std::uint64_t item = 0; item < 8; ++item) {
    const auto made = real_esrgan({24000, 4, std::vector<std::uint8_t>(std::size_t{3} * 24000 * 4)},
                                  {.factor = 4, .item = item});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message(),
              "real-esrgan: pictures of 24000 x 4 pixels may become 1.5 times as high and wide on "
              "the way; expected sides of at most 21845 and at most 29826161 pixels");
  }
  EXPECT_FALSE(real_esrgan({8192, 8192, {}}, {.factor = 4}));
}

TEST(BlurKernels, AreWhatTheirFormulasSay) {
  const auto round = gaussian_kernel(21, {.sigma_x = 1.5, .sigma_y = 1.5});
  const auto flat = gaussian_kernel(21, {.sigma_x = 2.5, .sigma_y = 1});
  const auto turned =
      gaussian_kernel(21, {.sigma_x = 2.5, .sigma_y = 1, .rotation = std::numbers::pi / 2});
  const auto at = [](const Kernel& kernel, int dx, int dy) {
    return kernel.weights[static_cast<std::size_t>((dy + kernel.side / 2) * kernel.side + dx +
                                                   kernel.side / 2)];
  };

  EXPECT_NEAR(at(round, 2, 1) / at(round, 0, 0), std::exp(-5 / (2 * 2.25)), 1e-12);
  EXPECT_NEAR(at(flat, 2, 0) / at(flat, 0, 0), std::exp(-4 / (2 * 6.25)), 1e-12);
  EXPECT_NEAR(at(turned, 0, 2), at(flat, 2, 0), 1e-12);
  for (const auto& kernel : {round, flat, turned, plateau_kernel(9, {.beta = 2}),
                             generalized_gaussian_kernel(9, {.beta = 0.5}), sinc_kernel(13, 1.1)})
    EXPECT_NEAR(std::accumulate(kernel.weights.begin(), kernel.weights.end(), 0.0), 1, 1e-12);
}

TEST(BlurKernels, OfBetaOneIsTheGaussianItself) {
  const Spread spread = {.sigma_x = 2, .sigma_y = 0.7, .rotation = 0.4, .beta = 1};

  const auto plain = gaussian_kernel(11, spread), general = generalized_gaussian_kernel(11, spread);

  for (std::size_t i = 0; i < plain.weights.size(); ++i)
    EXPECT_NEAR(plain.weights[i], general.weights[i], 1e-15);
}

// A wave above the cutoff is taken out, one below it passes: a low pass.
TEST(BlurKernels, SincKeepsWhatIsBelowItsCutoff) {
  const auto kernel = sinc_kernel(21, std::numbers::pi / 2);
  const auto gain = [&](double frequency) {
    double sum = 0;
    for (int y = 0; y < 21; ++y)
      for (int x = 0; x < 21; ++x)
        sum +=
            kernel.weights[static_cast<std::size_t>(21 * y + x)] * std::cos(frequency * (x - 10));
    return sum;
  };

  EXPECT_NEAR(gain(std::numbers::pi / 8), 1, 0.15);
  EXPECT_NEAR(gain(0.95 * std::numbers::pi), 0, 0.15);
}

TEST(Draws, ArePlacesInOneStreamForEachPurpose) {
  const Draws draws(5, 1ULL << 40U);
  double sum = 0, squares = 0;
  std::set<double> seen;
  constexpr int kNumbers = 20000;
  for (std::uint64_t i = 0; i < kNumbers; ++i) {
    const double n = draws.normal(1, i);
    sum += n;
    squares += n * n;
    seen.insert(draws.uniform(2, i));
  }

  EXPECT_NEAR(sum / kNumbers, 0, 0.03);
  EXPECT_NEAR(squares / kNumbers, 1, 0.03);
  EXPECT_GT(seen.size(), kNumbers - 10U);
  EXPECT_NE(draws.uniform(2), draws.uniform(3));
  EXPECT_NE(draws.uniform(2), Draws(5, 1ULL << 41U).uniform(2));
  EXPECT_EQ(draws.uniform(2, 7), Draws(5, 1ULL << 40U).uniform(2, 7));
}

}  // namespace
}  // namespace isocost::diffusion

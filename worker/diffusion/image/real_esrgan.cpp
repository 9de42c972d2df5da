// RealESRGANDataset draws the kernels, RealESRGANModel.feed_data applies them. Comments name their
// options.
#include "worker/diffusion/image/real_esrgan.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "worker/diffusion/image/blur_kernels.h"
#include "worker/diffusion/image/draws.h"

namespace isocost::diffusion {
namespace {

// What is drawn once in each of the two stages; in recorded pictures: do not change.
enum Purpose : std::uint32_t {
  kIsSinc = 0,
  kKernelSize = 1,
  kCutoff = 2,
  kKernelKind = 3,
  kSigmaX = 4,
  kSigmaY = 5,
  kRotation = 6,
  kBetaSide = 7,
  kBeta = 8,
  kIsBlurred = 9,
  kResizeKind = 10,
  kScale = 11,
  kMode = 12,
  kNoiseKind = 13,
  kNoiseStrength = 14,
  kIsGrey = 15,
  kField = 16,
  kGreyField = 17,
  kQuality = 18,
  // Of the last filter, in a stage of its own.
  kIsFiltered = 19,
  kJpegIsLast = 20,
};
constexpr std::uint32_t kPurposes = 64;  // a stage
constexpr std::uint32_t kFirstStage = 0, kSecondStage = 1, kLastStage = 2;

struct Range {
  double low = 0;
  double high = 0;
};

// Options of one stage.
struct Stage {
  std::uint32_t number = 0;
  Range sigma;                      // blur_sigma
  std::array<double, 2> up_down{};  // resize_prob; what is left keeps the size
  Range scale;                      // resize_range
  double gaussian = 0.5;            // gaussian_noise_prob
  Range sigma_255;                  // noise_range, of 255
  Range poisson;                    // poisson_scale_range
  double grey = 0.4;                // gray_noise_prob
  Range quality{30, 95};            // jpeg_range
};
constexpr Stage kFirst = {.number = kFirstStage,
                          .sigma = {0.2, 3},
                          .up_down = {0.2, 0.7},
                          .scale = {0.15, 1.5},
                          .sigma_255 = {1, 30},
                          .poisson = {0.05, 3}};
constexpr Stage kSecond = {.number = kSecondStage,
                           .sigma = {0.2, 1.5},
                           .up_down = {0.3, 0.4},
                           .scale = {0.3, 1.2},
                           .sigma_255 = {1, 25},
                           .poisson = {0.05, 2.5}};
constexpr double kSecondBlurred = 0.8;  // second_blur_prob; the first stage always blurs
constexpr double kSinc = 0.1;           // sinc_prob
constexpr double kLastSinc = 0.8;       // final_sinc_prob
constexpr double kSincFirst = 0.5;      // that JPEG comes after the last filter
// kernel_prob of iso, aniso, generalized iso, generalized aniso, plateau iso, plateau aniso.
constexpr std::array<double, 6> kKernelKinds = {0.45, 0.25, 0.12, 0.03, 0.12, 0.03};
constexpr Range kGeneralizedBeta = {0.5, 4};          // betag_range
constexpr Range kPlateauBeta = {1, 2};                // betap_range
constexpr int kSmallestKernel = 7, kKernelSizes = 8;  // 7, 9, ..., 21

class StageDraws {
 public:
  StageDraws(const DegradationKey& key, std::uint32_t stage)
      : draws_(key.seed, key.item), first_(kPurposes * stage) {}

  [[nodiscard]] double uniform(Purpose purpose, std::uint64_t position = 0) const {
    return draws_.uniform(first_ + purpose, position);
  }
  [[nodiscard]] double normal(Purpose purpose, std::uint64_t position) const {
    return draws_.normal(first_ + purpose, position);
  }
  [[nodiscard]] double between(Purpose purpose, Range range) const {
    return range.low + (range.high - range.low) * uniform(purpose);
  }
  [[nodiscard]] int below(Purpose purpose, int count) const {
    return std::min(count - 1, static_cast<int>(uniform(purpose) * count));
  }
  // The first whose share, with those before it, is above what was drawn; else their number.
  template <std::size_t N>
  [[nodiscard]] std::size_t choice(Purpose purpose, const std::array<double, N>& shares) const {
    double drawn = uniform(purpose);
    for (std::size_t i = 0; i < N; ++i) {
      drawn -= shares.at(i);
      if (drawn < 0) return i;
    }
    return N;
  }
  [[nodiscard]] Interpolation mode() const { return static_cast<Interpolation>(below(kMode, 3)); }
  [[nodiscard]] int kernel_side() const {
    return kSmallestKernel + 2 * below(kKernelSize, kKernelSizes);
  }

 private:
  Draws draws_;
  std::uint32_t first_;
};

Kernel drawn_sinc(const StageDraws& draws, double lowest_cutoff) {
  return sinc_kernel(draws.kernel_side(),
                     draws.between(kCutoff, {lowest_cutoff, std::numbers::pi}));
}

// random_mixed_kernels
Kernel drawn_kernel(const Stage& stage, const StageDraws& draws) {
  const int side = draws.kernel_side();
  if (draws.uniform(kIsSinc) < kSinc)
    return drawn_sinc(draws, std::numbers::pi / (side < 13 ? 3 : 5));
  const std::size_t kind = std::min(draws.choice(kKernelKind, kKernelKinds), std::size_t{5});
  Spread spread;
  spread.sigma_x = spread.sigma_y = draws.between(kSigmaX, stage.sigma);
  if (kind % 2 == 1) {
    spread.sigma_y = draws.between(kSigmaY, stage.sigma);
    spread.rotation = draws.between(kRotation, {-std::numbers::pi, std::numbers::pi});
  }
  if (kind < 2) return gaussian_kernel(side, spread);
  const Range beta = kind < 4 ? kGeneralizedBeta : kPlateauBeta;
  const bool is_low = draws.uniform(kBetaSide) < 0.5;
  spread.beta = draws.between(kBeta, is_low ? Range{beta.low, 1} : Range{1, beta.high});
  return kind < 4 ? generalized_gaussian_kernel(side, spread) : plateau_kernel(side, spread);
}

double drawn_scale(const Stage& stage, const StageDraws& draws) {
  switch (draws.choice(kResizeKind, stage.up_down)) {
    case 0:
      return draws.between(kScale, {1, stage.scale.high});
    case 1:
      return draws.between(kScale, {stage.scale.low, 1});
    default:
      return 1;
  }
}

// rgb_to_grayscale, every channel.
Planes grey_of(const Planes& planes) {
  Planes grey = planes;
  for (std::size_t i = 0; i < grey.rgb.size(); i += 3) {
    const double value =
        0.2989 * planes.rgb[i] + 0.587 * planes.rgb[i + 1] + 0.114 * planes.rgb[i + 2];
    grey.rgb[i] = grey.rgb[i + 1] = grey.rgb[i + 2] = value;
  }
  return grey;
}

// How many photons white is: the number of values in the picture, up to a power of two.
double photons_of(const io::Picture& bytes) {
  std::bitset<256> seen;
  for (const auto value : bytes.rgb) seen.set(value);
  return std::exp2(std::ceil(std::log2(static_cast<double>(seen.count()))));
}

// The number that a Poisson distribution of this mean has at a quantile, by inversion. Means are at
// most 256.
double poisson(double mean, double quantile) {
  constexpr int kMost = 1024;
  double chance = std::exp(-mean), sum = chance;
  int count = 0;
  while (sum < quantile && count < kMost) {
    ++count;
    chance *= mean / count;
    sum += chance;
  }
  return count;
}

// generate_poisson_noise_pt, without its scale.
std::vector<double> poisson_noise(const Planes& planes, bool is_grey, const StageDraws& draws) {
  const io::Picture bytes = picture_of(is_grey ? grey_of(planes) : planes);
  const double photons = photons_of(bytes);
  std::vector<double> noise;
  noise.reserve(bytes.rgb.size());
  for (std::size_t i = 0; i < bytes.rgb.size(); ++i) {
    const double value = bytes.rgb[i] / 255.0;
    const double quantile = is_grey ? draws.uniform(kGreyField, i / 3) : draws.uniform(kField, i);
    noise.push_back(poisson(value * photons, quantile) / photons - value);
  }
  return noise;
}

void add_noise(const Stage& stage, const StageDraws& draws, Planes& planes) {
  const bool is_grey = draws.uniform(kIsGrey) < stage.grey;
  if (draws.uniform(kNoiseKind) < stage.gaussian) {
    const double sigma = draws.between(kNoiseStrength, stage.sigma_255) / 255;
    for (std::size_t i = 0; i < planes.rgb.size(); ++i)
      planes.rgb[i] +=
          sigma * (is_grey ? draws.normal(kGreyField, i / 3) : draws.normal(kField, i));
  } else {
    const double scale = draws.between(kNoiseStrength, stage.poisson);
    const auto noise = poisson_noise(planes, is_grey, draws);
    for (std::size_t i = 0; i < planes.rgb.size(); ++i) planes.rgb[i] += scale * noise[i];
  }
  clip_to_unit(planes);
}

void compress(const Stage& stage, const StageDraws& draws, Planes& planes) {
  const auto quality = static_cast<int>(std::lround(draws.between(kQuality, stage.quality)));
  const auto read =
      io::parse_picture(io::jpeg_bytes(picture_of(planes), quality), "a JPEG picture");
  ISOCOST_CHECK(read, "what was written can be read");
  planes = planes_of(*read);
}

// No picture on the way is larger than what the first stage may make of it.
Result<void> check_room(const io::Picture& picture) {
  constexpr double kMost = std::max(kFirst.scale.high, kSecond.scale.high);
  constexpr auto kSideMost = static_cast<int>(io::kPictureSideMax / kMost);
  constexpr auto kPixelsMost = static_cast<std::int64_t>(io::kPicturePixelsMax / (kMost * kMost));
  if (std::max(picture.width, picture.height) <= kSideMost &&
      std::int64_t{picture.width} * picture.height <= kPixelsMost)
    return {};
  return fail("real-esrgan",
              "pictures of " + io::size_text(picture.width, picture.height) +
                  " pixels may become 1.5 times as high and wide on the way",
              "sides of at most " + std::to_string(kSideMost) + " and at most " +
                  std::to_string(kPixelsMost) + " pixels");
}

}  // namespace

Result<io::Picture> real_esrgan(const io::Picture& picture, const DegradationKey& key) {
  ISOCOST_CHECK(key.factor >= 1 && picture.width > 0 && picture.height > 0 &&
                    picture.width % key.factor == 0 && picture.height % key.factor == 0,
                "the sides of a picture are multiples of the factor");
  if (auto has_room = check_room(picture); !has_room) return fail(has_room.error());
  const StageDraws first(key, kFirstStage), second(key, kSecondStage), last(key, kLastStage);
  const int width = picture.width / key.factor, height = picture.height / key.factor;
  const auto scaled = [](int side, double scale) {
    return std::max(1, static_cast<int>(side * scale));
  };

  Planes planes = filtered(planes_of(picture), drawn_kernel(kFirst, first));
  double scale = drawn_scale(kFirst, first);
  planes = interpolated(planes, {scaled(planes.width, scale), scaled(planes.height, scale), scale},
                        first.mode());
  add_noise(kFirst, first, planes);
  compress(kFirst, first, planes);

  if (second.uniform(kIsBlurred) < kSecondBlurred)
    planes = filtered(planes, drawn_kernel(kSecond, second));
  scale = drawn_scale(kSecond, second);
  planes = interpolated(planes, {scaled(width, scale), scaled(height, scale)}, second.mode());
  add_noise(kSecond, second, planes);

  const bool jpeg_is_last = last.uniform(kJpegIsLast) < kSincFirst;
  if (!jpeg_is_last) compress(kSecond, second, planes);
  planes = interpolated(planes, {width, height}, last.mode());
  if (last.uniform(kIsFiltered) < kLastSinc)
    planes = filtered(planes, drawn_sinc(last, std::numbers::pi / 3));
  if (jpeg_is_last) compress(kSecond, second, planes);
  return picture_of(planes);
}

}  // namespace isocost::diffusion

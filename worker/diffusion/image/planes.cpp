#include "worker/diffusion/image/planes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/check.h"

namespace isocost::diffusion {
namespace {

constexpr std::size_t kRgb = 3;

std::size_t values_of(int width, int height) {
  return kRgb * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
}

// What one target pixel is made of along one axis.
struct Mix {
  std::vector<std::size_t> sources;
  std::vector<double> weights;
};

std::size_t clamped(int at, int size) {
  return static_cast<std::size_t>(std::clamp(at, 0, size - 1));
}

// adaptive_avg_pool: from floor(i in / out) to ceil((i + 1) in / out).
Mix area_mix(int i, int in, int out) {
  const auto begin = static_cast<std::size_t>(std::int64_t{i} * in / out);
  const auto end = static_cast<std::size_t>((std::int64_t{i + 1} * in + out - 1) / out);
  Mix mix;
  for (std::size_t x = begin; x < end; ++x) {
    mix.sources.push_back(x);
    mix.weights.push_back(1.0 / static_cast<double>(end - begin));
  }
  return mix;
}

Mix bilinear_mix(int i, int in, double scale) {
  const double source = std::max(0.0, (i + 0.5) * scale - 0.5);
  const int low = std::min(static_cast<int>(source), in - 1);
  const double share = std::min(source - low, 1.0);
  return {{clamped(low, in), clamped(low + 1, in)}, {1 - share, share}};
}

// Keys 1981 with a = -0.75.
Mix bicubic_mix(int i, int in, double scale) {
  constexpr double a = -0.75;
  const double source = (i + 0.5) * scale - 0.5;
  const double low = std::floor(source);
  const double t = source - low;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  Mix mix{{}, {far(t + 1), near(t), near(1 - t), far(2 - t)}};
  for (int k = -1; k <= 2; ++k) mix.sources.push_back(clamped(static_cast<int>(low) + k, in));
  return mix;
}

std::vector<Mix> mixes(int in, int out, double factor, Interpolation mode) {
  const double scale = factor > 0 ? 1 / factor : static_cast<double>(in) / out;
  std::vector<Mix> all;
  all.reserve(static_cast<std::size_t>(out));
  for (int i = 0; i < out; ++i) {
    switch (mode) {
      case Interpolation::kArea:
        all.push_back(area_mix(i, in, out));
        break;
      case Interpolation::kBilinear:
        all.push_back(bilinear_mix(i, in, scale));
        break;
      case Interpolation::kBicubic:
        all.push_back(bicubic_mix(i, in, scale));
        break;
    }
  }
  return all;
}

// The picture's pixel that stands at `at`, which may lie outside.
std::size_t mirrored(int at, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  const int within = ((at % period) + period) % period;
  return static_cast<std::size_t>(std::min(within, period - within));
}

}  // namespace

Planes planes_of(const io::Picture& picture) {
  Planes planes{picture.width, picture.height, {}};
  planes.rgb.reserve(picture.rgb.size());
  for (const auto value : picture.rgb) planes.rgb.push_back(value / 255.0);
  return planes;
}

io::Picture picture_of(const Planes& planes) {
  io::Picture picture{planes.width, planes.height, {}};
  picture.rgb.reserve(planes.rgb.size());
  for (const double value : planes.rgb)
    picture.rgb.push_back(
        static_cast<std::uint8_t>(std::clamp(std::nearbyint(value * 255), 0.0, 255.0)));
  return picture;
}

void clip_to_unit(Planes& planes) {
  for (double& value : planes.rgb) value = std::clamp(value, 0.0, 1.0);
}

Planes interpolated(const Planes& planes, const TargetSize& to, Interpolation mode) {
  ISOCOST_CHECK(planes.width > 0 && planes.height > 0 && to.width > 0 && to.height > 0,
                "pictures have pixels");
  const auto columns = mixes(planes.width, to.width, to.factor, mode);
  const auto rows = mixes(planes.height, to.height, to.factor, mode);
  const std::size_t in_line = kRgb * static_cast<std::size_t>(planes.width);
  const std::size_t line = kRgb * columns.size();
  std::vector<double> across(line * static_cast<std::size_t>(planes.height), 0.0);
  for (std::size_t y = 0; y < static_cast<std::size_t>(planes.height); ++y)
    for (std::size_t x = 0; x < columns.size(); ++x)
      for (std::size_t k = 0; k < columns[x].sources.size(); ++k)
        for (std::size_t c = 0; c < kRgb; ++c)
          across[y * line + kRgb * x + c] +=
              columns[x].weights[k] * planes.rgb[y * in_line + kRgb * columns[x].sources[k] + c];
  Planes made{to.width, to.height, std::vector<double>(values_of(to.width, to.height), 0.0)};
  for (std::size_t y = 0; y < rows.size(); ++y)
    for (std::size_t k = 0; k < rows[y].sources.size(); ++k)
      for (std::size_t i = 0; i < line; ++i)
        made.rgb[y * line + i] += rows[y].weights[k] * across[rows[y].sources[k] * line + i];
  return made;
}

Planes filtered(const Planes& planes, const Kernel& kernel) {
  const auto side = static_cast<std::size_t>(kernel.side);
  ISOCOST_CHECK(side % 2 == 1 && kernel.weights.size() == side * side, "a kernel has a middle");
  const int half = kernel.side / 2;
  const std::size_t line = kRgb * static_cast<std::size_t>(planes.width);
  Planes made{planes.width, planes.height, std::vector<double>(planes.rgb.size(), 0.0)};
  // Where each column's neighbours lie, once for all lines.
  std::vector<std::size_t> columns;
  columns.reserve(static_cast<std::size_t>(planes.width) + side);
  for (int x = -half; x < planes.width + half; ++x)
    columns.push_back(kRgb * mirrored(x, planes.width));
  for (int y = 0; y < planes.height; ++y) {
    double* to = made.rgb.data() + static_cast<std::size_t>(y) * line;
    for (std::size_t dy = 0; dy < side; ++dy) {
      const int at = y + static_cast<int>(dy) - half;
      const double* from = planes.rgb.data() + mirrored(at, planes.height) * line;
      const double* weights = kernel.weights.data() + dy * side;
      for (std::size_t x = 0; x < static_cast<std::size_t>(planes.width); ++x)
        for (std::size_t dx = 0; dx < side; ++dx)
          for (std::size_t c = 0; c < kRgb; ++c)
            to[kRgb * x + c] += weights[dx] * from[columns[x + dx] + c];
    }
  }
  return made;
}

}  // namespace isocost::diffusion

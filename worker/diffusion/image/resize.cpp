#include "worker/diffusion/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/check.h"

namespace isocost::diffusion {
namespace {

// --- PIL: separable filters, widened by the scale when shrinking
// -----------------------------------------------------

double weight(Filter filter, double x) {
  x = std::fabs(x);
  if (filter == Filter::kBilinear) return x < 1 ? 1 - x : 0;
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// What one target pixel is made of: sources begin, begin + 1, ... with these weights.
struct Taps {
  int begin = 0;
  std::vector<double> weights;
};

std::vector<Taps> taps_for(int in, int out, Filter filter) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (filter == Filter::kBilinear ? 1.0 : 2.0) * filter_scale;
  const double shrink = 1.0 / filter_scale;
  std::vector<Taps> all;
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    Taps taps;
    taps.begin = std::max(static_cast<int>(std::floor(center - support + 0.5)), 0);
    const int end = std::min(static_cast<int>(std::floor(center + support + 0.5)), in);
    double sum = 0;
    for (int x = taps.begin; x < end; ++x) {
      taps.weights.push_back(weight(filter, (x - center + 0.5) * shrink));
      sum += taps.weights.back();
    }
    for (double& w : taps.weights) w = sum != 0 ? w / sum : w;
    all.push_back(std::move(taps));
  }
  return all;
}

constexpr int kPrecisionBits = 32 - 8 - 2;

struct FixedTaps {
  int begin = 0;
  std::vector<std::int32_t> weights;
};

std::vector<FixedTaps> fixed(const std::vector<Taps>& taps) {
  std::vector<FixedTaps> all;
  for (const Taps& one : taps) {
    FixedTaps rounded{one.begin, {}};
    for (const double w : one.weights) {
      rounded.weights.push_back(
          static_cast<std::int32_t>((w < 0 ? -0.5 : 0.5) + w * (1 << kPrecisionBits)));
    }
    all.push_back(std::move(rounded));
  }
  return all;
}

// One pass over an array of `lines` lines, `in` places a line and 3 channels: places are `step`
// apart, lines `stride`.
struct Pass {
  int lines;
  std::size_t in_line_stride, in_step;
  std::size_t out_line_stride, out_step;
};

void run(const Pass& pass, const std::vector<FixedTaps>& taps, const std::uint8_t* in,
         std::uint8_t* out) {
  for (std::size_t line = 0; line < static_cast<std::size_t>(pass.lines); ++line) {
    for (std::size_t i = 0; i < taps.size(); ++i) {
      const auto begin = static_cast<std::size_t>(taps[i].begin);
      for (std::size_t c = 0; c < 3; ++c) {
        const std::uint8_t* source = in + line * pass.in_line_stride + begin * pass.in_step + c;
        std::int32_t sum = 1 << (kPrecisionBits - 1);
        for (const std::int32_t w : taps[i].weights) {
          sum += *source * w;
          source += pass.in_step;
        }
        out[line * pass.out_line_stride + i * pass.out_step + c] =
            static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
      }
    }
  }
}

void run(const Pass& pass, const std::vector<Taps>& taps, const float* in, float* out) {
  for (std::size_t line = 0; line < static_cast<std::size_t>(pass.lines); ++line) {
    for (std::size_t i = 0; i < taps.size(); ++i) {
      const auto begin = static_cast<std::size_t>(taps[i].begin);
      for (std::size_t c = 0; c < 3; ++c) {
        const float* source = in + line * pass.in_line_stride + begin * pass.in_step + c;
        double sum = 0;
        for (const double w : taps[i].weights) {
          sum += static_cast<double>(*source) * w;
          source += pass.in_step;
        }
        out[line * pass.out_line_stride + i * pass.out_step + c] = static_cast<float>(sum);
      }
    }
  }
}

Pass horizontal(int lines, int in_width, int out_width) {
  return {lines, 3 * static_cast<std::size_t>(in_width), 3, 3 * static_cast<std::size_t>(out_width),
          3};
}
Pass vertical(int width) {
  return {width, 3, 3 * static_cast<std::size_t>(width), 3, 3 * static_cast<std::size_t>(width)};
}

void check(const io::Picture& picture, int width, int height) {
  ISOCOST_CHECK(picture.width > 0 && picture.height > 0, "a picture to resize has pixels");
  ISOCOST_CHECK(width > 0 && height > 0, "a picture cannot be resized to nothing");
}

std::size_t rgb_count(int width, int height) {
  return 3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
}

// Pillow's choice: the vertical pass first where it takes away more than twice as many lines as the
// horizontal one columns (found by running version 13 at thousands of sizes). Both round, so the
// order shows in the last bit.
bool is_vertical_first(const io::Picture& picture, int width, int height) {
  return height < picture.height && 2 * (picture.width - width) < picture.height - height;
}

// One pass, or the picture itself where it has that many lines or columns already.
template <class AnyPicture, class AnyTaps>
AnyPicture resized_along(const AnyPicture& picture, bool is_vertical, int size,
                         const AnyTaps& taps) {
  if (size == (is_vertical ? picture.height : picture.width)) return picture;
  AnyPicture out = {is_vertical ? picture.width : size, is_vertical ? size : picture.height, {}};
  out.rgb.resize(rgb_count(out.width, out.height));
  const Pass pass =
      is_vertical ? vertical(picture.width) : horizontal(picture.height, picture.width, size);
  run(pass, taps, picture.rgb.data(), out.rgb.data());
  return out;
}

// --- plain bilinear: four neighbours, whatever the scale
// -------------------------------------------------------------

struct Between {
  std::size_t low, high;
  float share;  // of the high one
};

template <class SourceOf>
std::vector<Between> between(int in, int out, const SourceOf& source_of) {
  std::vector<Between> all;
  for (int i = 0; i < out; ++i) {
    const float source = source_of(i);
    const int low = std::min(static_cast<int>(source), in - 1);
    all.push_back({static_cast<std::size_t>(low),
                   static_cast<std::size_t>(std::min(low + 1, in - 1)),
                   source - static_cast<float>(low)});
  }
  return all;
}

FloatPicture mix(const io::Picture& picture, const std::vector<Between>& columns,
                 const std::vector<Between>& rows) {
  FloatPicture out{static_cast<int>(columns.size()), static_cast<int>(rows.size()), {}};
  out.rgb.reserve(rgb_count(out.width, out.height));
  const auto width = static_cast<std::size_t>(picture.width);
  const auto pixel = [&](std::size_t y, std::size_t x, std::size_t c) {
    return static_cast<float>(picture.rgb[3 * (y * width + x) + c]);
  };
  for (const Between& y : rows) {
    for (const Between& x : columns) {
      for (std::size_t c = 0; c < 3; ++c) {
        const float top =
            pixel(y.low, x.low, c) + (pixel(y.low, x.high, c) - pixel(y.low, x.low, c)) * x.share;
        const float bottom = pixel(y.high, x.low, c) +
                             (pixel(y.high, x.high, c) - pixel(y.high, x.low, c)) * x.share;
        out.rgb.push_back(top + (bottom - top) * y.share);
      }
    }
  }
  return out;
}

}  // namespace

io::Picture resize_u8(const io::Picture& picture, int width, int height, Filter filter) {
  check(picture, width, height);
  const auto by = [&](const io::Picture& from, bool is_vertical) {
    return resized_along<io::Picture>(from, is_vertical, is_vertical ? height : width,
                                      fixed(taps_for(is_vertical ? from.height : from.width,
                                                     is_vertical ? height : width, filter)));
  };
  const bool is_tall = is_vertical_first(picture, width, height);
  return by(by(picture, is_tall), !is_tall);
}

FloatPicture resize_float(const io::Picture& picture, int width, int height, Filter filter) {
  check(picture, width, height);
  const auto by = [&](const FloatPicture& from, bool is_vertical) {
    return resized_along<FloatPicture>(
        from, is_vertical, is_vertical ? height : width,
        taps_for(is_vertical ? from.height : from.width, is_vertical ? height : width, filter));
  };
  const bool is_tall = is_vertical_first(picture, width, height);
  const FloatPicture whole{picture.width, picture.height, {picture.rgb.begin(), picture.rgb.end()}};
  return by(by(whole, is_tall), !is_tall);
}

FloatPicture resize_tf1_bilinear(const io::Picture& picture, int width, int height) {
  check(picture, width, height);
  const auto places = [](int in, int out) {
    const float scale = static_cast<float>(in) / static_cast<float>(out);
    return between(in, out, [scale](int i) { return static_cast<float>(i) * scale; });
  };
  return mix(picture, places(picture.width, width), places(picture.height, height));
}

FloatPicture resize_torch_bilinear(const io::Picture& picture, int width, int height) {
  check(picture, width, height);
  const auto places = [](int in, int out) {
    const float scale = static_cast<float>(in) / static_cast<float>(out);
    return between(in, out, [scale](int i) {
      return std::max(scale * (static_cast<float>(i) + 0.5F) - 0.5F, 0.0F);
    });
  };
  return mix(picture, places(picture.width, width), places(picture.height, height));
}

void clip_to_byte_range(FloatPicture& picture) {
  for (float& value : picture.rgb) value = std::clamp(value, 0.0F, 255.0F);
}

}  // namespace isocost::diffusion

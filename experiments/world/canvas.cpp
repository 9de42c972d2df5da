#include "experiments/world/canvas.h"

#include <cmath>

#include "experiments/world/chance.h"

namespace isocost::world {

// Smith 1978: the hexcone.
Rgb to_rgb(Hsv colour) {
  const double chroma = colour.value * colour.saturation;
  const double sector = std::fmod(std::fmod(colour.hue, 360.0) + 360.0, 360.0) / 60.0;
  const double second = chroma * (1 - std::abs(std::fmod(sector, 2.0) - 1));
  Rgb rgb;
  if (sector < 1)
    rgb = {chroma, second, 0};
  else if (sector < 2)
    rgb = {second, chroma, 0};
  else if (sector < 3)
    rgb = {0, chroma, second};
  else if (sector < 4)
    rgb = {0, second, chroma};
  else if (sector < 5)
    rgb = {second, 0, chroma};
  else
    rgb = {chroma, 0, second};
  const double rest = colour.value - chroma;
  return {255 * (rgb.r + rest), 255 * (rgb.g + rest), 255 * (rgb.b + rest)};
}

double SmoothNoise::corner(std::int64_t x, std::int64_t y) const {
  const auto bits =
      mix(key_ ^ mix(static_cast<std::uint64_t>(x) ^ mix(static_cast<std::uint64_t>(y))));
  return static_cast<double>(bits >> 11U) * 0x1.0p-52 - 1;
}

double SmoothNoise::at(double x, double y) const {
  const double left = std::floor(x), top = std::floor(y);
  const auto column = static_cast<std::int64_t>(left), row = static_cast<std::int64_t>(top);
  const double u = smooth_step(0, 1, x - left), v = smooth_step(0, 1, y - top);
  const double above = corner(column, row) * (1 - u) + corner(column + 1, row) * u;
  const double below = corner(column, row + 1) * (1 - u) + corner(column + 1, row + 1) * u;
  return above * (1 - v) + below * v;
}

double SmoothNoise::cloudy(double x, double y) const {
  return (at(x, y) + 0.5 * at(2 * x + 31, 2 * y + 17) + 0.25 * at(4 * x + 57, 4 * y + 83)) / 1.3;
}

}  // namespace isocost::world

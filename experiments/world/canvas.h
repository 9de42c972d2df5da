// Colours and pixels while a picture is drawn. For the renderer alone. Pure, any thread.
#pragma once

#include <algorithm>
#include <vector>

#include "experiments/world/world.h"

namespace isocost::world {

struct Rgb {
  double r = 0;
  double g = 0;
  double b = 0;
};
inline constexpr Rgb kWhite = {255, 255, 255};

using Canvas = std::vector<Rgb>;  // [kSide * kSide]

[[nodiscard]] inline Rgb blend(Rgb below, Rgb above, double share) {
  const double rest = 1 - share;
  return {rest * below.r + share * above.r, rest * below.g + share * above.g,
          rest * below.b + share * above.b};
}

[[nodiscard]] inline double smooth_step(double low, double high, double x) {
  const double t = std::clamp((x - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

// draw(pixel, x, y) with its centre.
template <class Draw>
void each_pixel(Canvas& canvas, Draw draw) {
  auto pixel = canvas.begin();
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) draw(*pixel++, x + 0.5, y + 0.5);
}

// Hue in degrees, the others in [0, 1].
struct Hsv {
  double hue = 0;
  double saturation = 0;
  double value = 0;
};
[[nodiscard]] Rgb to_rgb(Hsv colour);

// Smooth noise over the plane, about [-1, 1], with features of about one unit; a pure function of
// the key.
class SmoothNoise {
 public:
  explicit SmoothNoise(std::uint64_t key) : key_(key) {}
  [[nodiscard]] double at(double x, double y) const;
  // The same in three octaves, each twice as fine and half as strong.
  [[nodiscard]] double cloudy(double x, double y) const;

 private:
  [[nodiscard]] double corner(std::int64_t x, std::int64_t y) const;
  std::uint64_t key_;
};

// Fills the whole canvas.
void draw_background(Canvas& canvas, Background background, std::uint64_t jitter);

}  // namespace isocost::world

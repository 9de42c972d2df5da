// Pictures: a background, then objects from the back to the front, each a soft shadow, a light rim
// and a fill that is brighter at its upper left. Coverage is analytic: a pixel's share follows from
// its centre's signed distance, so edges are smooth without sampling.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "experiments/world/chance.h"
#include "experiments/world/shapes.h"
#include "experiments/world/world.h"

namespace isocost::world {
namespace {

struct Rgb {
  double r = 0;
  double g = 0;
  double b = 0;
};

constexpr std::array<Rgb, kColours> kFills = {{{226, 56, 52},
                                               {245, 140, 32},
                                               {252, 214, 52},
                                               {46, 160, 74},
                                               {40, 98, 214},
                                               {130, 62, 186},
                                               {248, 134, 184},
                                               {42, 42, 50}}};
constexpr Rgb kRim = {255, 253, 248};
constexpr Rgb kWhite = {255, 255, 255};

// Upper and lower end of each background's gradient.
struct Gradient {
  Rgb top;
  Rgb bottom;
};
constexpr std::array<Gradient, kBackgrounds> kGradients = {{{{118, 186, 240}, {206, 232, 250}},
                                                            {{246, 226, 180}, {226, 188, 128}},
                                                            {{176, 214, 120}, {112, 172, 84}},
                                                            {{24, 26, 66}, {66, 52, 112}},
                                                            {{250, 246, 236}, {234, 226, 210}}}};

using Canvas = std::vector<Rgb>;  // [kSide * kSide]

Rgb blend(Rgb below, Rgb above, double share) {
  return {below.r + (above.r - below.r) * share, below.g + (above.g - below.g) * share,
          below.b + (above.b - below.b) * share};
}

double smooth_step(double low, double high, double x) {
  const double t = std::clamp((x - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

Rgb& at(Canvas& canvas, int x, int y) {
  return canvas[static_cast<std::size_t>(y) * kSide + static_cast<std::size_t>(x)];
}

// Calls draw(pixel, x, y) for every pixel, with its centre.
template <class Draw>
void each_pixel(Canvas& canvas, Draw draw) {
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) draw(at(canvas, x, y), x + 0.5, y + 0.5);
}

// Broad soft clouds.
void draw_sky(Canvas& canvas, Chance& chance) {
  for (int i = 0; i < 3; ++i) {
    const double cx = chance.between(0, kSide);
    const double cy = chance.between(4, kSide - 4);
    const double width = chance.between(12, 20);
    each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
      const double away = std::hypot((x - cx) / width, (y - cy) / (0.4 * width));
      pixel = blend(pixel, kWhite, 0.55 * (1 - smooth_step(0.2, 1.0, away)));
    });
  }
}

// A few waves: of dunes, or of mown grass.
void draw_waves(Canvas& canvas, Chance& chance, double strength, double slope) {
  const double phase = chance.between(0, 2 * std::numbers::pi);
  const double length = chance.between(15, 19);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double bend = 2.5 * std::sin(x * 0.11 + phase);
    const double wave = std::sin(2 * std::numbers::pi * (y + slope * x + bend) / length + phase);
    pixel = blend(pixel, wave > 0 ? kWhite : Rgb{90, 70, 30}, strength * std::abs(wave));
  });
}

// A moon's glow from above and a few large faint stars.
void draw_night(Canvas& canvas, Chance& chance) {
  const double glow_x = chance.between(10, kSide - 10);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double away = std::hypot(x - glow_x, y + 4) / 46;
    pixel = blend(pixel, {150, 160, 230}, 0.35 * (1 - smooth_step(0, 1, away)));
  });
  for (int i = 0; i < 7; ++i) {
    const double cx = chance.between(3, kSide - 3);
    const double cy = chance.between(3, kSide - 3);
    const double radius = chance.between(0.8, 1.3);
    each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
      const double away = std::hypot(x - cx, y - cy);
      pixel = blend(pixel, {255, 244, 200}, 0.75 * (1 - smooth_step(0.3, 1.0 + radius, away)));
    });
  }
}

// A faint grid of ruled lines.
void draw_paper(Canvas& canvas, Chance& chance) {
  const double phase_x = chance.between(0, 16);
  const double phase_y = chance.between(0, 16);
  const auto line = [](double x) {
    const double from_line = std::abs(std::remainder(x, 16.0));
    return 1 - smooth_step(0.4, 1.4, from_line);
  };
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double share = std::max(line(x + phase_x), line(y + phase_y));
    pixel = blend(pixel, {160, 190, 220}, 0.55 * share);
  });
}

void draw_background(Canvas& canvas, Background background, Chance& chance) {
  const auto& gradient = kGradients.at(static_cast<std::size_t>(background));
  const double tilt = chance.between(-0.15, 0.15);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double down = std::clamp(y / kSide + tilt * (x / kSide - 0.5), 0.0, 1.0);
    pixel = blend(gradient.top, gradient.bottom, down);
  });
  switch (background) {
    case Background::kSky:
      return draw_sky(canvas, chance);
    case Background::kSand:
      return draw_waves(canvas, chance, 0.14, 0.25);
    case Background::kGrass:
      return draw_waves(canvas, chance, 0.12, -0.6);
    case Background::kNight:
      return draw_night(canvas, chance);
    case Background::kPaper:
      return draw_paper(canvas, chance);
  }
}

struct Pose {
  Point centre;
  double radius = 0;
  double angle = 0;
};

// Signed distance in pixels to an object that stands so.
double pixels_outside(const Outline& outline, const Pose& pose, double x, double y) {
  const double dx = (x - pose.centre.x) / pose.radius;
  const double dy = (y - pose.centre.y) / pose.radius;
  const double c = std::cos(pose.angle);
  const double s = std::sin(pose.angle);
  return pose.radius * outline.distance({c * dx + s * dy, -s * dx + c * dy});
}

void draw_object(Canvas& canvas, const Object& object, const Pose& pose) {
  constexpr double kRimWidth = 1.4;
  constexpr double kShadowReach = 3.0;
  const Outline outline(object.shape);
  const Rgb fill = kFills.at(static_cast<std::size_t>(object.colour));
  const double reach = 1.35 * pose.radius + kRimWidth + kShadowReach + 2;
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    if (std::hypot(x - pose.centre.x, y - pose.centre.y) > reach) return;
    const double shadow = pixels_outside(outline, pose, x - 1.2, y - 2.0) - kRimWidth;
    pixel = blend(pixel, {20, 16, 40}, 0.34 * (1 - smooth_step(-1.5, kShadowReach, shadow)));
    const double outside = pixels_outside(outline, pose, x, y);
    const double light =
        ((x - pose.centre.x) + 1.6 * (y - pose.centre.y)) / (3.2 * pose.radius);  // about [-1, 1]
    const Rgb shaded = light < 0 ? blend(fill, kWhite, -0.22 * std::max(light, -1.0))
                                 : blend(fill, {0, 0, 0}, 0.16 * std::min(light, 1.0));
    pixel = blend(pixel, kRim, std::clamp(0.5 - (outside - kRimWidth), 0.0, 1.0));
    pixel = blend(pixel, shaded, std::clamp(0.5 - outside, 0.0, 1.0));
  });
}

double radius_of(const Scene& scene, std::size_t i) {
  if (scene.arrangement == Arrangement::kInside) return i == 0 ? 25.0 : 7.6;
  const bool is_large = scene.objects[i].size == Size::kLarge;
  if (scene.objects.size() == 3) return is_large ? 9.4 : 5.6;
  return is_large ? 13.8 : 7.6;
}

Point centre_of(const Scene& scene, std::size_t i, double across, Chance& chance) {
  constexpr double kMiddle = kSide / 2.0;
  if (scene.arrangement == Arrangement::kInside) {
    const double reach = i == 0 ? 2.5 : 1.5;
    return {kMiddle + chance.between(-reach, reach), kMiddle + chance.between(-reach, reach)};
  }
  const bool has_three = scene.objects.size() == 3;
  const double step = static_cast<double>(i);
  const double along = has_three ? 11.5 + 20.5 * step + chance.between(-0.8, 0.8)
                                 : 17.5 + 29.0 * step + chance.between(-1.8, 1.8);
  const double beside = across + chance.between(-2.5, 2.5);
  const bool is_vertical =
      scene.arrangement == Arrangement::kAbove || scene.arrangement == Arrangement::kColumn;
  return is_vertical ? Point{beside, along} : Point{along, beside};
}

}  // namespace

void render(const Scene& scene, std::uint8_t* rgb) {
  Chance chance(scene.jitter);
  Canvas canvas(std::size_t{kSide} * kSide);
  draw_background(canvas, scene.background, chance);
  const double across = kSide / 2.0 + chance.between(-7, 7);
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    Pose pose;
    pose.centre = centre_of(scene, i, across, chance);
    pose.radius = radius_of(scene, i) * chance.between(0.94, 1.06);
    pose.angle = chance.between(-0.2, 0.2);
    draw_object(canvas, scene.objects[i], pose);
  }
  const auto byte = [](double value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
  };
  for (const auto& pixel : canvas) {
    *rgb++ = byte(pixel.r);
    *rgb++ = byte(pixel.g);
    *rgb++ = byte(pixel.b);
  }
}

}  // namespace isocost::world

// Pictures: a background, then objects from the back to the front, each a soft shadow, a light rim
// and a textured fill that is brighter at its upper left. Coverage is analytic: a pixel's share
// follows from its centre's signed distance, so edges are smooth without sampling.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "experiments/world/canvas.h"
#include "experiments/world/chance.h"
#include "experiments/world/layout.h"
#include "experiments/world/shapes.h"

namespace isocost::world {
namespace {

constexpr Rgb kRim = {255, 253, 248};
constexpr double kRimWidth = 1.3;
constexpr double kShadowRight = 1.2, kShadowDown = 2.0;  // from its object
constexpr double kShadowReach = 3.0;                     // beyond the rim

// Each colour and how far it strays from there; no two meet.
struct Hue {
  Hsv middle;
  Hsv spread;
};
constexpr std::array<Hue, kColours> kHues = {{{{2, 0.78, 0.87}, {6, 0.08, 0.07}},
                                              {{27, 0.86, 0.95}, {5, 0.08, 0.05}},
                                              {{50, 0.78, 0.97}, {5, 0.1, 0.03}},
                                              {{136, 0.7, 0.62}, {15, 0.1, 0.08}},
                                              {{218, 0.8, 0.82}, {11, 0.1, 0.09}},
                                              {{278, 0.66, 0.7}, {10, 0.08, 0.08}},
                                              {{333, 0.44, 0.97}, {9, 0.08, 0.03}},
                                              {{240, 0.2, 0.17}, {180, 0.15, 0.06}}}};

Rgb draw_colour(Colour colour, Chance chance) {
  const auto& hue = kHues.at(static_cast<std::size_t>(colour));
  const auto stray = [&](double spread) { return chance.between(-spread, spread); };
  Hsv drawn = hue.middle;
  drawn.hue += stray(hue.spread.hue);
  drawn.saturation += stray(hue.spread.saturation);
  drawn.value += stray(hue.spread.value);
  return to_rgb(drawn);
}

// How much of the second colour lies where, by (u, v) in pixels from the object's centre.
class Pattern {
 public:
  Pattern(Texture texture, Chance chance) : texture_(texture) {
    const double angle = chance.between(-std::numbers::pi, std::numbers::pi);
    cos_ = std::cos(angle);
    sin_ = std::sin(angle);
    period_ = chance.between(6.5, 9);
    phase_u_ = chance.between(0, period_);
    phase_v_ = chance.between(0, period_);
  }
  [[nodiscard]] double share(double x, double y) const {
    const double u = cos_ * x + sin_ * y + phase_u_, v = -sin_ * x + cos_ * y + phase_v_;
    const double across = std::abs(std::remainder(u, period_));
    switch (texture_) {
      case Texture::kPlain:
        return 0;
      case Texture::kStriped:
        return smooth_step(-0.6, 0.6, across - period_ / 4);
      case Texture::kDotted:
        return 1 - smooth_step(-0.6, 0.6,
                               std::hypot(across, std::remainder(v, period_)) - 0.32 * period_);
    }
    return 0;
  }

 private:
  Texture texture_;
  double cos_ = 1, sin_ = 0, period_ = 5, phase_u_ = 0, phase_v_ = 0;
};

// Lighter on dark colours, darker on light ones.
Rgb second_colour(Rgb fill) {
  const double luminance = (0.3 * fill.r + 0.59 * fill.g + 0.11 * fill.b) / 255;
  return luminance < 0.6 ? blend(fill, kWhite, 0.6) : blend(fill, {70, 30, 20}, 0.5);
}

// Circles of a share of the radius, cut out of the edge.
struct Bite {
  Point centre;
  double radius = 0;
};

// An object as it is drawn: its outline where it stands, less what is torn off.
class Figure {
 public:
  Figure(Shape shape, const Pose& pose, std::vector<Bite> bites)
      : outline_(shape), pose_(pose), bites_(std::move(bites)) {}

  // Signed distance in pixels.
  [[nodiscard]] double pixels_outside(double x, double y) const {
    const double dx = (x - pose_.x) / pose_.radius;
    const double dy = (y - pose_.y) / pose_.radius;
    const double c = std::cos(pose_.angle), s = std::sin(pose_.angle);
    const Point p = {c * dx + s * dy, -s * dx + c * dy};
    double distance = outline_.distance(p);
    for (const auto& bite : bites_)
      distance =
          std::max(distance, bite.radius - std::hypot(p.x - bite.centre.x, p.y - bite.centre.y));
    return pose_.radius * distance;
  }
  [[nodiscard]] const Pose& pose() const { return pose_; }
  [[nodiscard]] bool may_reach(double x, double y, double further) const {
    return std::hypot(x - pose_.x, y - pose_.y) < 1.25 * pose_.radius + further;
  }

 private:
  Outline outline_;
  Pose pose_;
  std::vector<Bite> bites_;
};

std::vector<Bite> draw_bites(Shape shape, Chance chance) {
  const Outline outline(shape);
  std::vector<Bite> bites;
  const double first = chance.between(-std::numbers::pi, std::numbers::pi);
  for (int i = 0; i < 3; ++i) {
    const double angle = first + 2 * std::numbers::pi * i / 3 + chance.between(-0.5, 0.5);
    double away = 1.4;
    while (away > 0.1 && outline.distance({away * std::cos(angle), away * std::sin(angle)}) > 0)
      away -= 0.02;
    bites.push_back({{away * std::cos(angle), away * std::sin(angle)}, chance.between(0.25, 0.4)});
  }
  return bites;
}

void draw_shadow(Canvas& canvas, const Figure& figure) {
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    if (!figure.may_reach(x - kShadowRight, y - kShadowDown, kRimWidth + kShadowReach)) return;
    const double away = figure.pixels_outside(x - kShadowRight, y - kShadowDown) - kRimWidth;
    pixel = blend(pixel, {20, 16, 40}, 0.34 * (1 - smooth_step(-1.5, kShadowReach, away)));
  });
}

void draw_fill(Canvas& canvas, const Figure& figure, Rgb first, const Pattern& pattern) {
  const Rgb second = second_colour(first);
  const auto& pose = figure.pose();
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    if (!figure.may_reach(x, y, kRimWidth + 1)) return;
    const double outside = figure.pixels_outside(x, y);
    const double dx = x - pose.x, dy = y - pose.y;
    const double light = (dx + 1.6 * dy) / (3.2 * pose.radius);  // about [-1, 1]
    const Rgb fill = blend(first, second, pattern.share(dx, dy));
    const Rgb shaded = light < 0 ? blend(fill, kWhite, -0.22 * std::max(light, -1.0))
                                 : blend(fill, {0, 0, 0}, 0.16 * std::min(light, 1.0));
    pixel = blend(pixel, kRim, std::clamp(0.5 - (outside - kRimWidth), 0.0, 1.0));
    pixel = blend(pixel, shaded, std::clamp(0.5 - outside, 0.0, 1.0));
  });
}

void render_scene(const Scene& scene, const std::vector<Pose>& places,
                  std::optional<std::size_t> torn, std::uint8_t* rgb) {
  Canvas canvas(std::size_t{kSide} * kSide);
  draw_background(canvas, scene.background, scene.jitter);
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const auto& object = scene.objects[i];
    std::vector<Bite> bites;
    if (torn == i) bites = draw_bites(object.shape, Chance(scene.jitter, kTearStream));
    const Figure figure(object.shape, places[i], std::move(bites));
    draw_shadow(canvas, figure);
    draw_fill(canvas, figure, draw_colour(object.colour, Chance(scene.jitter, kColourStream + i)),
              Pattern(object.texture, Chance(scene.jitter, kTextureStream + i)));
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

}  // namespace

void render(const Scene& scene, std::uint8_t* rgb) {
  render_scene(scene, poses(scene), std::nullopt, rgb);
}

void render_torn(const Scene& scene, std::size_t object, std::uint8_t* rgb) {
  render_scene(scene, poses(scene), object, rgb);
}

void render_at(const Scene& scene, const std::vector<Pose>& places, std::uint8_t* rgb) {
  render_scene(scene, places, std::nullopt, rgb);
}

void mark_reach(Shape shape, const Pose& pose, std::uint8_t* mask) {
  const double reach = Outline(shape).reach() * pose.radius + kRimWidth;
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x, ++mask) {
      const double dx = x + 0.5 - pose.x, dy = y + 0.5 - pose.y;
      if (std::hypot(dx, dy) < reach + 0.5 ||
          std::hypot(dx - kShadowRight, dy - kShadowDown) < reach + kShadowReach)
        *mask = 1;
    }
}

}  // namespace isocost::world

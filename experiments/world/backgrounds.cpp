// The backgrounds: a gradient each, and over it what makes the place: clouds, dunes, blades, stars,
// rules, waves. Everything in them is drawn anew for each scene.
#include <cmath>
#include <numbers>

#include "experiments/world/canvas.h"
#include "experiments/world/chance.h"
#include "experiments/world/layout.h"

namespace isocost::world {
namespace {

// Upper and lower end of each background's gradient.
struct Gradient {
  Rgb top;
  Rgb bottom;
};
constexpr std::array<Gradient, kBackgrounds> kGradients = {{{{104, 172, 236}, {206, 230, 250}},
                                                            {{244, 222, 172}, {222, 182, 120}},
                                                            {{166, 206, 112}, {100, 162, 78}},
                                                            {{20, 22, 58}, {70, 54, 116}},
                                                            {{250, 246, 236}, {232, 224, 206}},
                                                            {{60, 150, 170}, {24, 84, 128}}}};

// Towards white, or towards black where `light` is below 0; all the way at 1.
Rgb lit(Rgb colour, double light) {
  return light < 0 ? blend(colour, {0, 0, 0}, -light) : blend(colour, kWhite, light);
}

void draw_gradient(Canvas& canvas, Background background, Chance& chance) {
  const auto& gradient = kGradients.at(static_cast<std::size_t>(background));
  const double tilt = chance.between(-0.3, 0.3);
  const Rgb top = lit(gradient.top, chance.between(-0.12, 0.12));
  const Rgb bottom = lit(gradient.bottom, chance.between(-0.12, 0.12));
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    pixel = blend(top, bottom, std::clamp(y / kSide + tilt * (x / kSide - 0.5), 0.0, 1.0));
  });
}

void draw_sky(Canvas& canvas, Chance& chance) {
  const SmoothNoise noise(chance.bits());
  const double width = chance.between(16, 26), height = width * chance.between(0.4, 0.7);
  const double cover = chance.between(-0.25, 0.25);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double cloud = noise.cloudy(x / width, y / height);
    pixel = blend(pixel, kWhite, 0.8 * smooth_step(cover, cover + 0.55, cloud));
  });
}

// Ripples whose crests bend.
void draw_sand(Canvas& canvas, Chance& chance) {
  const SmoothNoise noise(chance.bits());
  const double slope = chance.between(-0.7, 0.7), length = chance.between(10, 15);
  const double bend = chance.between(2, 5), strength = chance.between(0.1, 0.2);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double along = y + slope * x + bend * noise.at(x / 17, y / 17);
    const double wave = std::sin(2 * std::numbers::pi * along / length);
    pixel = blend(pixel, wave > 0 ? kWhite : Rgb{120, 84, 40}, strength * std::abs(wave));
  });
}

// Blades that lean to one side, in lighter and darker tufts.
void draw_grass(Canvas& canvas, Chance& chance) {
  const SmoothNoise blades(chance.bits()), tufts(chance.bits());
  const double lean = chance.between(-0.6, 0.6);
  const double width = chance.between(4.5, 6), height = chance.between(12, 20);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double blade = blades.at((x + lean * y) / width, y / height);
    const double tuft = tufts.at(x / 15, y / 15);
    pixel = blend(pixel, {232, 244, 150}, 0.3 * std::max(0.0, blade));
    pixel = blend(pixel, {24, 84, 34}, 0.34 * std::max(0.0, -blade));
    pixel = lit(pixel, 0.1 * tuft);
  });
}

void draw_night(Canvas& canvas, Chance& chance) {
  const SmoothNoise noise(chance.bits());
  const double scale = chance.between(16, 26);
  const Rgb glow = blend({150, 110, 220}, {90, 170, 220}, chance.uniform());
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    pixel = blend(pixel, glow, 0.45 * smooth_step(-0.1, 0.8, noise.cloudy(x / scale, y / scale)));
  });
  const auto stars = 10 + chance.below(12);
  for (std::uint32_t i = 0; i < stars; ++i) {
    const double cx = chance.between(1, kSide - 1), cy = chance.between(1, kSide - 1);
    const double radius = chance.between(0.7, 1.7), light = chance.between(0.55, 1);
    each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
      const double away = std::hypot(x - cx, y - cy);
      if (away < radius + 1)
        pixel = blend(pixel, {255, 246, 214}, light * (1 - smooth_step(0.2, radius + 0.8, away)));
    });
  }
}

// Ruled or squared, at any angle.
void draw_paper(Canvas& canvas, Chance& chance) {
  const double angle = chance.between(-std::numbers::pi, std::numbers::pi);
  const double spacing = chance.between(10, 16), phase_u = chance.between(0, spacing);
  const double phase_v = chance.between(0, spacing);
  const bool is_squared = chance.below(2) == 1;
  const Rgb ink = blend({120, 160, 210}, {214, 140, 140}, chance.below(2));
  const auto line = [spacing](double u) {
    return 1 - smooth_step(0.4, 1.5, std::abs(std::remainder(u, spacing)));
  };
  const double c = std::cos(angle), s = std::sin(angle);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    double share = line(c * x + s * y + phase_u);
    if (is_squared) share = std::max(share, line(-s * x + c * y + phase_v));
    pixel = blend(pixel, ink, 0.62 * share);
  });
}

// Waves that grow towards the bottom, with light on their crests.
void draw_sea(Canvas& canvas, Chance& chance) {
  const SmoothNoise noise(chance.bits());
  const double phase = chance.between(0, 2 * std::numbers::pi);
  const double near = chance.between(11, 16), bend = chance.between(2, 4);
  each_pixel(canvas, [&](Rgb& pixel, double x, double y) {
    const double depth = 0.55 + 0.45 * y / kSide;
    const double swell = bend * noise.at(x / 12, y / 12);
    const double wave = std::sin(2 * std::numbers::pi * (y + swell) / (near * depth) + phase);
    pixel = blend(pixel, {190, 236, 236}, 0.42 * smooth_step(0.35, 1, wave));
    pixel = blend(pixel, {10, 40, 80}, 0.22 * smooth_step(0.2, 1, -wave));
  });
}

}  // namespace

void draw_background(Canvas& canvas, Background background, std::uint64_t jitter) {
  Chance chance(jitter, kBackgroundStream);
  draw_gradient(canvas, background, chance);
  switch (background) {
    case Background::kSky:
      return draw_sky(canvas, chance);
    case Background::kSand:
      return draw_sand(canvas, chance);
    case Background::kGrass:
      return draw_grass(canvas, chance);
    case Background::kNight:
      return draw_night(canvas, chance);
    case Background::kPaper:
      return draw_paper(canvas, chance);
    case Background::kSea:
      return draw_sea(canvas, chance);
  }
}

}  // namespace isocost::world

// Pictures on the way through a degradation: float64 in [0, 1] or a little beyond, and what PyTorch
// does with them. For the sources of this folder.
//
//   Planes half = interpolated(planes, {.width = 32, .height = 32}, Interpolation::kArea);
//   Planes blurred = filtered(half, kernel);
//
// Computed in float64, where the references compute in float32. Pure, any thread.
#pragma once

#include <vector>

#include "base/io/picture.h"

namespace isocost::diffusion {

struct Planes {
  int width = 0;
  int height = 0;
  std::vector<double> rgb;  // [height][width][3]
};

[[nodiscard]] Planes planes_of(const io::Picture& picture);  // bytes / 255
// Times 255, to the nearest whole number (half to even), clipped.
[[nodiscard]] io::Picture picture_of(const Planes& planes);
void clip_to_unit(Planes& planes);

// torch.nn.functional.interpolate(mode=...), align_corners=False, antialias=False: made smaller,
// bilinear and bicubic still mix the two or four nearest lines and skip those in between. Bicubic
// has a = -0.75. The numbers are drawn, and so in recorded pictures: do not change.
enum class Interpolation : int { kArea = 0, kBilinear = 1, kBicubic = 2 };
struct TargetSize {
  int width = 0;
  int height = 0;
  // How many times as large, where it is not exactly what the sides say: interpolate(scale_factor=)
  // rounds the sides down and goes on with the factor, and what then lies past the last line is the
  // last line. 0: as the sides say.
  double factor = 0;
};
// Requires: sides of at least 1.
[[nodiscard]] Planes interpolated(const Planes& planes, const TargetSize& to, Interpolation mode);

// A square of odd side, of sum 1.
struct Kernel {
  int side = 1;
  std::vector<double> weights;  // [side][side]
};
// Each channel by itself; beyond its edges the picture is mirrored about its outermost pixels
// (mode "reflect"), as often as a small picture needs.
[[nodiscard]] Planes filtered(const Planes& planes, const Kernel& kernel);

}  // namespace isocost::diffusion

// The blurs of Real-ESRGAN (Wang et al. 2021, section 3.2 and 3.3), as BasicSR's degradations.py
// computes them.
//
//   Kernel round = gaussian_kernel(13, {.sigma_x = 1.2, .sigma_y = 1.2});
//   Kernel ringing = sinc_kernel(21, /*cutoff=*/1.9);
//
// Requires: odd sides, deviations above 0, cutoffs in (0, pi]. Pure, any thread.
#pragma once

#include "worker/diffusion/image/planes.h"

namespace isocost::diffusion {

// Deviations in pixels along two axes at right angles, the first of them `rotation` off the
// horizontal.
struct Spread {
  double sigma_x = 1;
  double sigma_y = 1;
  double rotation = 0;
  double beta = 1;  // of the shape: see below
};
// With q the square of the Mahalanobis distance from the middle: exp(-q / 2).
[[nodiscard]] Kernel gaussian_kernel(int side, const Spread& spread);
// exp(-q^beta / 2)
[[nodiscard]] Kernel generalized_gaussian_kernel(int side, const Spread& spread);
// 1 / (q^beta + 1)
[[nodiscard]] Kernel plateau_kernel(int side, const Spread& spread);
// The ideal low pass of a circle: cutoff J1(cutoff r) / (2 pi r).
[[nodiscard]] Kernel sinc_kernel(int side, double cutoff);

}  // namespace isocost::diffusion

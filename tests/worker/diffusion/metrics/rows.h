// The closed-form rows X and Y of tests/golden/metrics.json, and pictures as they are there.
// Thread: any.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/io/picture.h"

namespace isocost::testing {

inline at::Tensor rows_x() {
  const at::Tensor i = at::arange(200, at::kDouble).unsqueeze(1);
  const at::Tensor j = at::arange(16, at::kDouble).unsqueeze(0);
  return at::sin(.7 * i + 1.9 * j + .05 * i * j) + .3 * at::cos(1.3 * i * j + .2 * i);
}

inline at::Tensor rows_y() {
  const at::Tensor i = at::arange(200, at::kDouble).unsqueeze(1);
  const at::Tensor j = at::arange(16, at::kDouble).unsqueeze(0);
  return 1.2 * at::sin(.9 * i + 1.1 * j + .07 * i * j) + .25 * at::cos(.6 * i * j + .4 * i) + .1;
}

// 48 x 64: A with amplitude 100 and phase 0, B with 96 and .05.
inline io::Picture known_picture(double amplitude, double phase) {
  io::Picture picture{64, 48, {}};
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      for (int c = 0; c < 3; ++c) {
        const double value = 127.5 + amplitude * std::sin(.31 * x + .17 * y + c + phase) +
                             27 * std::cos(.011 * x * y + phase);
        picture.rgb.push_back(static_cast<std::uint8_t>(std::floor(std::clamp(value, 0.0, 255.0))));
      }
  return picture;
}

inline at::Tensor picture_tensor(const io::Picture& picture) {  // uint8 [1, 3, H, W]
  at::Tensor rgb = at::empty({picture.height, picture.width, 3}, at::kByte);
  std::copy(picture.rgb.begin(), picture.rgb.end(), rgb.data_ptr<std::uint8_t>());
  return rgb.permute({2, 0, 1}).unsqueeze(0).contiguous();
}

}  // namespace isocost::testing

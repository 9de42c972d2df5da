// The closed-form picture of metrics.json: floor(clip(127.5 + 100 sin(.31x + .17y + c) + 27
// cos(bend xy))). Thread: any.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/io/picture.h"

namespace isocost::testing {

inline io::Picture waves(int width, int height, double bend) {
  io::Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double value =
            127.5 + 100 * std::sin(.31 * x + .17 * y + c) + 27 * std::cos(bend * x * y);
        picture.rgb.push_back(static_cast<std::uint8_t>(std::floor(std::clamp(value, 0.0, 255.0))));
      }
    }
  }
  return picture;
}

}  // namespace isocost::testing

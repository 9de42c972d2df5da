// Whether an object's circle lies on another object, whatever angle that has. Thread: any.
#pragma once

#include <cmath>

#include "experiments/world/shapes.h"

namespace isocost::testing {

// Outlines turn clockwise with the pose's angle, as the renderer has them.
inline bool lies_on(const world::Pose& inner, world::Shape shape, const world::Pose& outer) {
  const double x = (inner.x - outer.x) / outer.radius, y = (inner.y - outer.y) / outer.radius;
  const double c = std::cos(outer.angle), s = std::sin(outer.angle);
  return -world::Outline(shape).distance({c * x + s * y, -s * x + c * y}) * outer.radius >=
         inner.radius;
}

}  // namespace isocost::testing

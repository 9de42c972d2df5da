// Outlines of the world's shapes as signed distances. For the renderer alone. Pure, any thread.
#pragma once

#include <vector>

#include "experiments/world/world.h"

namespace isocost::world {

struct Point {
  double x = 0;
  double y = 0;
};

// A shape of radius about 1 around the origin, y downwards.
class Outline {
 public:
  explicit Outline(Shape shape);
  // Negative inside. In units of the radius.
  [[nodiscard]] double distance(Point p) const;
  // Of the smallest circle around the origin that holds the shape.
  [[nodiscard]] double reach() const;

 private:
  std::vector<Point> corners_;  // empty: a circle
  double rounding_ = 0;         // corners are this round
};

}  // namespace isocost::world

#include "experiments/world/shapes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace isocost::world {
namespace {

constexpr double kCircleRadius = 0.92;

std::vector<Point> regular(int corners, double radius, double inner_radius, double first_angle) {
  std::vector<Point> points;
  for (int i = 0; i < corners; ++i) {
    const double angle = first_angle + 2 * std::numbers::pi * i / corners;
    const double r = i % 2 == 0 ? radius : inner_radius;
    points.push_back({r * std::cos(angle), r * std::sin(angle)});
  }
  return points;
}

std::vector<Point> cross() {
  constexpr double kArm = 0.9;
  constexpr double kHalf = 0.3;
  return {{-kHalf, -kArm}, {kHalf, -kArm}, {kHalf, -kHalf}, {kArm, -kHalf},
          {kArm, kHalf},   {kHalf, kHalf}, {kHalf, kArm},   {-kHalf, kArm},
          {-kHalf, kHalf}, {-kArm, kHalf}, {-kArm, -kHalf}, {-kHalf, -kHalf}};
}

// The curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, scaled and centred.
std::vector<Point> heart() {
  constexpr int kPoints = 28;
  std::vector<Point> points;
  for (int i = 0; i < kPoints; ++i) {
    const double t = 2 * std::numbers::pi * i / kPoints;
    const double s = std::sin(t);
    const double x = 16 * s * s * s;
    const double y = 13 * std::cos(t) - 5 * std::cos(2 * t) - 2 * std::cos(3 * t) - std::cos(4 * t);
    points.push_back({x / 16.5, -(y + 2.5) / 16.5});
  }
  return points;
}

std::vector<Point> corners_of(Shape shape) {
  constexpr double kUp = -std::numbers::pi / 2;
  switch (shape) {
    case Shape::kCircle:
      return {};
    case Shape::kSquare:
      return {{-0.7, -0.7}, {0.7, -0.7}, {0.7, 0.7}, {-0.7, 0.7}};
    case Shape::kTriangle: {
      auto points = regular(3, 1.0, 1.0, kUp);
      for (auto& point : points) point.y += 0.17;
      return points;
    }
    case Shape::kStar:
      return regular(10, 1.0, 0.45, kUp);
    case Shape::kHeart:
      return heart();
    case Shape::kCross:
      return cross();
  }
  return {};
}

double squared_distance_to_segment(Point p, Point a, Point b) {
  const double ex = b.x - a.x;
  const double ey = b.y - a.y;
  const double wx = p.x - a.x;
  const double wy = p.y - a.y;
  const double along = std::clamp((wx * ex + wy * ey) / (ex * ex + ey * ey), 0.0, 1.0);
  const double dx = wx - along * ex;
  const double dy = wy - along * ey;
  return dx * dx + dy * dy;
}

// Whether a ray from p to the right meets the edge.
bool crosses(Point p, Point a, Point b) {
  if ((a.y > p.y) == (b.y > p.y)) return false;
  return p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x;
}

}  // namespace

double Outline::reach() const {
  if (corners_.empty()) return kCircleRadius;
  double furthest = 0;
  for (const auto& corner : corners_) furthest = std::max(furthest, std::hypot(corner.x, corner.y));
  return furthest + rounding_;
}

Outline::Outline(Shape shape)
    : corners_(corners_of(shape)),
      rounding_(shape == Shape::kSquare || shape == Shape::kTriangle ? 0.1 : 0.04) {}

double Outline::distance(Point p) const {
  if (corners_.empty()) return std::hypot(p.x, p.y) - kCircleRadius;
  double nearest = std::numeric_limits<double>::max();
  bool is_inside = false;
  for (std::size_t i = 0, j = corners_.size() - 1; i < corners_.size(); j = i++) {
    nearest = std::min(nearest, squared_distance_to_segment(p, corners_[i], corners_[j]));
    if (crosses(p, corners_[i], corners_[j])) is_inside = !is_inside;
  }
  const double away = std::sqrt(nearest);
  return (is_inside ? -away : away) - rounding_;
}

}  // namespace isocost::world

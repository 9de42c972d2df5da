// Where objects stand: anywhere that keeps circles of their radius inside the picture, apart from
// each other, and in the arrangement that the scene has; corners may reach a little further. Drawn
// without rejection, so that it always ends.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "experiments/world/chance.h"
#include "experiments/world/layout.h"

namespace isocost::world {
namespace {

constexpr double kMargin = 2;  // between an object's circle and the picture's edge
constexpr double kApart = 2;   // between two objects' circles, along the arrangement
// Neighbours are this many times as far apart along the arrangement as across it.
constexpr double kDominance = 1.3;

struct Range {
  double low = 0;
  double high = 0;
};

// Radii of small and large objects never meet, so that every size can be read.
Range radii(Arrangement arrangement, Size size) {
  const bool is_large = size == Size::kLarge;
  switch (arrangement) {
    case Arrangement::kAlone:
      return is_large ? Range{13, 22} : Range{7, 9.5};
    case Arrangement::kBeside:
    case Arrangement::kAbove:
      return is_large ? Range{11.5, 14.5} : Range{7, 9};
    case Arrangement::kInside:
      return is_large ? Range{21, 28} : Range{6, 7.5};
  }
  return {};
}

double draw(Chance& chance, Range range) { return chance.between(range.low, range.high); }

Range inside_picture(double radius) { return {kMargin + radius, kSide - kMargin - radius}; }

// Places along the arrangement: what room is left is shared out between the gaps at random.
std::vector<double> places_along(const std::vector<Pose>& poses, Chance& chance) {
  double room = kSide - 2 * kMargin - kApart * static_cast<double>(poses.size() - 1);
  for (const auto& pose : poses) room -= 2 * pose.radius;
  std::vector<double> cuts;
  cuts.reserve(poses.size());
  for (std::size_t i = 0; i < poses.size(); ++i) cuts.push_back(room * chance.uniform());
  std::sort(cuts.begin(), cuts.end());
  std::vector<double> places;
  places.reserve(poses.size());
  double used = kMargin;
  for (std::size_t i = 0; i < poses.size(); ++i) {
    places.push_back(used + cuts[i] + poses[i].radius);
    used += 2 * poses[i].radius + kApart;
  }
  return places;
}

void place_in_line(std::vector<Pose>& poses, bool is_upright, Chance& chance) {
  const auto along = places_along(poses, chance);
  double before = 0;
  for (std::size_t i = 0; i < poses.size(); ++i) {
    auto range = inside_picture(poses[i].radius);
    if (i > 0) {
      const double reach = (along[i] - along[i - 1]) / kDominance;
      range = {std::clamp(before - reach, range.low, range.high),
               std::clamp(before + reach, range.low, range.high)};
    }
    before = draw(chance, range);
    poses[i].x = is_upright ? before : along[i];
    poses[i].y = is_upright ? along[i] : before;
  }
}

// How far from its centre every shape is filled, as a share of its radius.
double filled(Shape shape) {
  switch (shape) {
    case Shape::kCircle:
      return 0.9;
    case Shape::kSquare:
      return 0.68;
    case Shape::kTriangle:
      return 0.34;
    case Shape::kStar:
    case Shape::kHeart:
      return 0.42;
    case Shape::kCross:
      return 0.38;
  }
  return 0;
}

void place_inside(std::vector<Pose>& poses, Shape outer, Chance& chance) {
  const auto range = inside_picture(poses[0].radius);
  poses[0].x = draw(chance, range);
  poses[0].y = draw(chance, range);
  const double room = std::max(0.0, filled(outer) * poses[0].radius - poses[1].radius - 1);
  const double away = room * std::sqrt(chance.uniform());
  const double direction = chance.between(0, 2 * std::numbers::pi);
  poses[1].x = poses[0].x + away * std::cos(direction);
  poses[1].y = poses[0].y + away * std::sin(direction);
}

}  // namespace

std::vector<Pose> poses(const Scene& scene) {
  std::vector<Pose> found;
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    Chance chance(scene.jitter, kPoseStream + i);
    Pose pose;
    pose.radius = draw(chance, radii(scene.arrangement, scene.objects[i].size));
    pose.angle = chance.between(-std::numbers::pi, std::numbers::pi);
    found.push_back(pose);
  }
  Chance chance(scene.jitter, kLayoutStream);
  if (scene.arrangement == Arrangement::kInside)
    place_inside(found, scene.objects[0].shape, chance);
  else
    place_in_line(found, scene.arrangement == Arrangement::kAbove, chance);
  return found;
}

namespace {

// Whether two neighbours are apart along the arrangement, and more so than across it.
bool stands_as(Arrangement arrangement, const Pose& first, const Pose& second) {
  const bool is_upright = arrangement == Arrangement::kAbove;
  const double along = is_upright ? second.y - first.y : second.x - first.x;
  const double across = is_upright ? second.x - first.x : second.y - first.y;
  return along >= first.radius + second.radius + kApart && std::abs(across) <= along / kDominance;
}

}  // namespace

std::optional<Pose> resized(const Scene& scene, std::size_t object, Size size, Chance& chance) {
  if (scene.arrangement == Arrangement::kInside) return std::nullopt;
  auto places = poses(scene);
  auto& pose = places.at(object);
  pose.radius = draw(chance, radii(scene.arrangement, size));
  const auto range = inside_picture(pose.radius);
  pose.x = std::clamp(pose.x, range.low, range.high);
  pose.y = std::clamp(pose.y, range.low, range.high);
  if (places.size() > 1 && !stands_as(scene.arrangement, places[0], places[1])) return std::nullopt;
  return pose;
}

std::optional<Pose> moved(const Scene& scene, std::size_t object, Side side, Chance& chance) {
  const auto places = poses(scene);
  auto pose = places.at(object);
  const auto& other = places.at(1 - object);
  const bool is_upright = side == Side::kAbove || side == Side::kBelow;
  const bool is_before = side == Side::kLeft || side == Side::kAbove;
  const double middle = is_upright ? other.y : other.x, level = is_upright ? other.x : other.y;
  const double apart = pose.radius + other.radius + kApart;
  auto range = inside_picture(pose.radius);
  if (is_before ? middle - apart < range.low : middle + apart > range.high) return std::nullopt;
  const double along = draw(
      chance, is_before ? Range{range.low, middle - apart} : Range{middle + apart, range.high});
  const double across_most = std::abs(along - middle) / kDominance;
  range = {std::max(range.low, level - across_most), std::min(range.high, level + across_most)};
  if (range.low > range.high) return std::nullopt;
  const double across = draw(chance, range);
  pose.x = is_upright ? across : along;
  pose.y = is_upright ? along : across;
  return pose;
}

bool has_room_as(const Scene& scene, std::size_t object, Shape shape) {
  if (scene.arrangement != Arrangement::kInside || object != 0) return true;
  const auto places = poses(scene);
  const double away = std::hypot(places[1].x - places[0].x, places[1].y - places[0].y);
  return away <= filled(shape) * places[0].radius - places[1].radius - 1;
}

}  // namespace isocost::world

// What a picture costs, in one of several currencies, each with its interval where it was measured.
//
//   cost_axes()[kSecondsAxis].unit          point.costs[axis]          point.cost_ranges[axis]
//
// Measured seconds of equal work (as many calls of the same network by the same devices) are one
// number: the mean over all units that did it, with a 95 % interval of Student's t. So noise never
// says which of two settings that cost the same is cheaper. Samplers whose intervals lie apart keep
// numbers of their own: what they compute beside the network is work too. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace isocost::report {

struct Point;

// `column` is the axis's name in every table.
struct CostAxis {
  std::string column;
  std::string label;  // as a figure's axis says it
  std::string unit;   // as a sentence says it, after a number
  std::string explanation;
  bool is_measured = false;
};
[[nodiscard]] const std::vector<CostAxis>& cost_axes();
inline constexpr std::size_t kGflopsAxis = 0;  // network calls, every branch of guidance counted
inline constexpr std::size_t kSecondsAxis = 3;
inline constexpr std::size_t kJoulesAxis = 4;

struct CostRange {
  double low = 0, high = 0;
};

// Fills costs and cost_ranges of the points of one task; `dearest_call` is the GFLOPs of a call
// that counts as 1 where costs are normalised.
void fill_costs(std::vector<Point>& points, double dearest_call);

// Whether a costs more than b beyond what was measured of them. Requires: both have a cost there.
[[nodiscard]] bool is_dearer(const Point& a, const Point& b, std::size_t axis);

}  // namespace isocost::report

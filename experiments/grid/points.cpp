// The points of a grid: the product of its axes, less what is excluded, and what is included
// besides.
#include <algorithm>
#include <map>

#include "experiments/grid/grid.h"

namespace isocost::experiments {
namespace {

// Axes that move together: one index for all of them. Axes that are not zipped are alone.
struct Wheel {
  std::vector<std::size_t> axes;
  std::size_t length = 0;
};

std::vector<Wheel> wheels_of(const Grid& grid) {
  std::vector<Wheel> wheels;
  std::vector<bool> is_used(grid.axes.size(), false);
  for (std::size_t a = 0; a < grid.axes.size(); ++a) {
    if (is_used[a]) continue;
    Wheel wheel{{a}, grid.axes[a].values.size()};
    for (const auto& zip : grid.zips) {
      if (std::find(zip.begin(), zip.end(), grid.axes[a].name) == zip.end()) continue;
      for (std::size_t b = a + 1; b < grid.axes.size(); ++b) {
        if (std::find(zip.begin(), zip.end(), grid.axes[b].name) == zip.end()) continue;
        wheel.axes.push_back(b);
        is_used[b] = true;
      }
    }
    wheels.push_back(std::move(wheel));
  }
  return wheels;
}

bool equal_values(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return a.get<double>() == b.get<double>();
  return a == b;
}

bool compare(const Json& value, const std::string& comparison, const Json& bound) {
  if (comparison == "!=") return !equal_values(value, bound);
  if (!value.is_number() || !bound.is_number()) return false;
  const double x = value.get<double>(), y = bound.get<double>();
  if (comparison == ">") return x > y;
  if (comparison == ">=") return x >= y;
  if (comparison == "<") return x < y;
  return x <= y;
}

bool holds(const Condition& condition, const Json& value) {
  if (!condition.comparison.empty())
    return compare(value, condition.comparison, condition.values.front());
  return std::any_of(condition.values.begin(), condition.values.end(),
                     [&](const Json& wanted) { return equal_values(value, wanted); });
}

std::size_t axis_index(const Grid& grid, const std::string& name) {
  return static_cast<std::size_t>(
      std::find_if(grid.axes.begin(), grid.axes.end(),
                   [&](const Axis& axis) { return axis.name == name; }) -
      grid.axes.begin());
}

bool is_excluded(const Grid& grid, const Point& point) {
  return std::any_of(grid.exclude.begin(), grid.exclude.end(), [&](const Rule& rule) {
    return std::all_of(rule.begin(), rule.end(), [&](const Condition& condition) {
      return holds(condition, point.values[axis_index(grid, condition.axis)].value);
    });
  });
}

bool is_same(const Point& a, const Point& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (!equal_values(a.values[i].value, b.values[i].value)) return false;
  }
  return true;
}

// Turns every wheel through all its positions, the first one slowest.
template <class Visit>
void product(const std::vector<std::size_t>& lengths, Visit visit) {
  if (std::find(lengths.begin(), lengths.end(), std::size_t{0}) != lengths.end()) return;
  std::vector<std::size_t> at(lengths.size(), 0);
  while (true) {
    visit(at);
    std::size_t w = lengths.size();
    while (w > 0 && ++at[w - 1] == lengths[w - 1]) at[--w] = 0;
    if (w == 0) return;
  }
}

// The points that an include entry names: axes that it leaves out take all their values.
std::vector<Point> included(const Grid& grid, const Rule& rule) {
  Grid widened = grid;
  widened.exclude.clear();
  widened.include.clear();
  for (const Condition& condition : rule) {
    Axis& axis = widened.axes[axis_index(grid, condition.axis)];
    axis.values.clear();
    for (const Json& value : condition.values) axis.values.push_back({value, condition.where});
    // A named axis stands alone: its partners of a zip keep all their values unless they are named
    // too.
    for (auto& zip : widened.zips) std::erase(zip, condition.axis);
  }
  auto found = points(widened);
  return found ? std::move(*found) : std::vector<Point>();
}

}  // namespace

Result<std::vector<Point>> points(const Grid& grid) {
  const std::vector<Wheel> wheels = wheels_of(grid);
  std::vector<std::size_t> lengths;
  double count = 1;
  for (const Wheel& wheel : wheels) {
    lengths.push_back(wheel.length);
    count *= static_cast<double>(wheel.length);
  }
  if (count > static_cast<double>(kCellsMax)) {
    return fail(grid.file, "the axes span " + number_text(count) + " points", "at most 1000000");
  }
  std::vector<Point> result;
  product(lengths, [&](const std::vector<std::size_t>& at) {
    Point point{std::vector<Placed>(grid.axes.size())};
    for (std::size_t w = 0; w < wheels.size(); ++w) {
      for (const std::size_t axis : wheels[w].axes)
        point.values[axis] = grid.axes[axis].values[at[w]];
    }
    if (!is_excluded(grid, point)) result.push_back(std::move(point));
  });
  for (const Rule& rule : grid.include) {
    for (Point& point : included(grid, rule)) {
      const bool is_there = std::any_of(result.begin(), result.end(),
                                        [&](const Point& other) { return is_same(point, other); });
      if (!is_there) result.push_back(std::move(point));
    }
  }
  if (result.empty())
    return fail(grid.file, "no point is left: exclude takes them all", "at least one cell");
  return result;
}

}  // namespace isocost::experiments

// The points of a grid: the product of its axes, less what is excluded, and what is included
// besides.
#include <algorithm>
#include <map>
#include <unordered_set>

#include "experiments/grid/grid.h"

namespace isocost::experiments {
namespace {

using Numbers = std::vector<std::uint32_t>;  // of values of one axis

// Axes that move together: one index for all of them. Axes that are not zipped are alone.
struct Wheel {
  std::vector<std::size_t> axes;
  std::size_t length = 0;
};

bool equal_values(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return a.get<double>() == b.get<double>();
  return a == b;
}

bool compare(const Json& value, const std::string& comparison, const Json& bound) {
  if (!value.is_number() || !bound.is_number()) return false;
  const double x = value.get<double>(), y = bound.get<double>();
  if (comparison == ">") return x > y;
  if (comparison == ">=") return x >= y;
  if (comparison == "<") return x < y;
  return x <= y;
}

bool holds(const Condition& condition, const Json& value) {
  const bool is_unequal = condition.comparison == "!=";
  if (!condition.comparison.empty() && !is_unequal)
    return compare(value, condition.comparison, condition.values.front());
  const bool is_named =
      std::any_of(condition.values.begin(), condition.values.end(),
                  [&](const Json& wanted) { return equal_values(value, wanted); });
  return is_named != is_unequal;
}

std::size_t axis_index(const Grid& grid, const std::string& name) {
  return static_cast<std::size_t>(
      std::find_if(grid.axes.begin(), grid.axes.end(),
                   [&](const Axis& axis) { return axis.name == name; }) -
      grid.axes.begin());
}

std::vector<std::size_t> axis_indices(const Grid& grid, const Rule& rule) {
  std::vector<std::size_t> axes;
  for (const Condition& condition : rule) axes.push_back(axis_index(grid, condition.axis));
  return axes;
}

// Turns every wheel through all its positions, the first one slowest.
template <class Visit>
void product(const std::vector<Wheel>& wheels, Visit visit) {
  if (std::any_of(wheels.begin(), wheels.end(), [](const Wheel& w) { return w.length == 0; }))
    return;
  std::vector<std::size_t> at(wheels.size(), 0);
  while (true) {
    visit(at);
    std::size_t w = wheels.size();
    while (w > 0 && ++at[w - 1] == wheels[w - 1].length) at[--w] = 0;
    if (w == 0) return;
  }
}

double size_of(const std::vector<Wheel>& wheels) {
  double size = 1;
  for (const Wheel& wheel : wheels) size *= static_cast<double>(wheel.length);
  return size;
}

class Counter {
 public:
  Counter(const Grid& grid, std::vector<std::vector<Placed>>& values) : grid_(grid) {
    for (std::size_t a = 0; a < grid.axes.size(); ++a) {
      tables_.emplace_back(values[a]);
      Numbers numbers;
      for (const Placed& value : grid.axes[a].values) numbers.push_back(tables_[a].number(value));
      own_.push_back(std::move(numbers));
    }
  }

  Result<std::vector<std::uint32_t>> run() {
    const std::vector<Wheel> wheels = wheels_of({});
    if (size_of(wheels) > static_cast<double>(kCellsMax))
      return too_many(grid_.axes_where, "the axes span", size_of(wheels));
    judge_excluded();
    rows_.reserve(static_cast<std::size_t>(size_of(wheels)) * grid_.axes.size());
    product(wheels, [&](const std::vector<std::size_t>& at) { add(wheels, own_, at, true); });
    for (const Rule& rule : grid_.include) {
      const std::vector<std::size_t> named = axis_indices(grid_, rule);
      std::vector<Numbers> numbers = own_;
      for (std::size_t c = 0; c < rule.size(); ++c) {
        numbers[named[c]].clear();
        for (const Json& value : rule[c].values)
          numbers[named[c]].push_back(tables_[named[c]].number({value, rule[c].where}));
      }
      const std::vector<Wheel> turned = wheels_of(named, numbers);
      const double size = size_of(turned) + static_cast<double>(seen_.size());
      if (size > static_cast<double>(kCellsMax))
        return too_many(rule.front().where, "with this entry of include the grid has", size);
      product(turned, [&](const std::vector<std::size_t>& at) { add(turned, numbers, at, false); });
    }
    if (rows_.empty())
      return fail(grid_.exclude.empty() ? grid_.axes_where : grid_.exclude.front().front().where,
                  "no point is left: exclude takes them all", "at least one cell");
    return std::move(rows_);
  }

 private:
  // The values of an axis, each once; numbers are equal as numbers.
  class Table {
   public:
    explicit Table(std::vector<Placed>& values) : values_(&values) {}
    std::uint32_t number(const Placed& placed) {
      const Json& value = placed.value;
      const std::string key = value.is_number() ? number_text(value.get<double>()) : value.dump();
      const auto next = static_cast<std::uint32_t>(values_->size());
      const auto [known, is_new] = numbers_.emplace(key, next);
      if (is_new) values_->push_back(placed);
      return known->second;
    }
    [[nodiscard]] const std::vector<Placed>& values() const { return *values_; }

   private:
    std::vector<Placed>* values_;
    std::map<std::string, std::uint32_t> numbers_;
  };

  // For each exclude entry and condition: which values it holds for.
  struct Excluded {
    std::vector<std::size_t> axes;
    std::vector<std::vector<bool>> holds;
  };

  [[nodiscard]] tl::unexpected<Failure> too_many(const std::string& where, const std::string& what,
                                                 double size) const {
    return fail(where, what + " " + number_shown(size) + " points",
                "at most " + std::to_string(kCellsMax));
  }

  [[nodiscard]] std::vector<Wheel> wheels_of(const std::vector<std::size_t>& alone) const {
    return wheels_of(alone, own_);
  }

  // An axis that an include entry names stands alone: its partners of a zip keep all their values
  // unless they are named too.
  [[nodiscard]] std::vector<Wheel> wheels_of(const std::vector<std::size_t>& alone,
                                             const std::vector<Numbers>& numbers) const {
    std::vector<Wheel> wheels;
    std::vector<bool> is_used(grid_.axes.size(), false);
    const auto is_alone = [&](std::size_t axis) {
      return std::find(alone.begin(), alone.end(), axis) != alone.end();
    };
    for (std::size_t a = 0; a < grid_.axes.size(); ++a) {
      if (is_used[a]) continue;
      Wheel wheel{{a}, numbers[a].size()};
      for (const auto& zip : grid_.zips) {
        if (is_alone(a) || std::find(zip.begin(), zip.end(), grid_.axes[a].name) == zip.end())
          continue;
        for (std::size_t b = a + 1; b < grid_.axes.size(); ++b) {
          if (is_alone(b) || std::find(zip.begin(), zip.end(), grid_.axes[b].name) == zip.end())
            continue;
          wheel.axes.push_back(b);
          is_used[b] = true;
        }
      }
      wheels.push_back(std::move(wheel));
    }
    return wheels;
  }

  void judge_excluded() {
    for (const Rule& rule : grid_.exclude) {
      Excluded excluded{axis_indices(grid_, rule), {}};
      for (std::size_t c = 0; c < rule.size(); ++c) {
        std::vector<bool> held;
        for (const Placed& value : tables_[excluded.axes[c]].values())
          held.push_back(holds(rule[c], value.value));
        excluded.holds.push_back(std::move(held));
      }
      excluded_.push_back(std::move(excluded));
    }
  }

  [[nodiscard]] bool is_excluded(const std::u32string& row) const {
    return std::any_of(excluded_.begin(), excluded_.end(), [&](const Excluded& rule) {
      for (std::size_t c = 0; c < rule.axes.size(); ++c)
        if (!rule.holds[c][row[rule.axes[c]]]) return false;
      return true;
    });
  }

  void add(const std::vector<Wheel>& wheels, const std::vector<Numbers>& numbers,
           const std::vector<std::size_t>& at, bool may_be_excluded) {
    row_.assign(grid_.axes.size(), U'\0');
    for (std::size_t w = 0; w < wheels.size(); ++w)
      for (const std::size_t axis : wheels[w].axes) row_[axis] = numbers[axis][at[w]];
    if (may_be_excluded && is_excluded(row_)) return;
    if (seen_.insert(row_).second) rows_.insert(rows_.end(), row_.begin(), row_.end());
  }

  const Grid& grid_;
  std::vector<Table> tables_;
  std::vector<Numbers> own_;  // of each axis, in its order
  std::vector<Excluded> excluded_;
  std::unordered_set<std::u32string> seen_;
  std::u32string row_;
  std::vector<std::uint32_t> rows_;
};

}  // namespace

Points::Points(const Grid& grid) : axes_(grid.axes.size()), values_(grid.axes.size()) {}

Result<Points> points(const Grid& grid) {
  Points found(grid);
  auto rows = Counter(grid, found.values_).run();
  if (!rows) return fail(std::move(rows.error()));
  found.rows_ = std::move(*rows);
  return found;
}

}  // namespace isocost::experiments

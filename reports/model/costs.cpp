#include "reports/model/costs.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "reports/model/study.h"

namespace isocost::report {
namespace {

// Seconds an image of many units, weighted by their images: the ratio of two sums and its error
// (Cochran 1977, 6.4).
class Pool {
 public:
  void add(const UnitTime& time) {
    if (time.images > 0) times_.push_back(time);
  }
  void add(const Pool& other) {
    times_.insert(times_.end(), other.times_.begin(), other.times_.end());
  }
  [[nodiscard]] double mean() const {
    double seconds = 0, images = 0;
    for (const UnitTime& time : times_)
      seconds += time.seconds, images += static_cast<double>(time.images);
    return seconds / images;
  }
  // Nothing for one unit, which says nothing of how much units differ.
  [[nodiscard]] std::optional<CostRange> range() const {
    if (times_.size() < 2) return std::nullopt;
    const double middle = mean();
    double images = 0, squares = 0;
    for (const UnitTime& time : times_) {
      const auto n = static_cast<double>(time.images);
      images += n;
      squares += std::pow(time.seconds - n * middle, 2);
    }
    const auto units = static_cast<double>(times_.size());
    const double error = std::sqrt(squares * units / (units - 1)) / images;
    const double half = error * boost::math::quantile(boost::math::students_t(units - 1), 0.975);
    return CostRange{std::max(middle - half, 0.0), middle + half};
  }
  [[nodiscard]] bool is_empty() const { return times_.empty(); }

 private:
  std::vector<UnitTime> times_;
};

// Work that takes equally long but for noise, up to its sampler.
std::string work_of(const Point& point) {
  const Cell& cell = *point.cell;
  std::string devices;
  for (const std::string& device : cell.measured.device_classes) devices += device + "\n";
  for (const std::string& device : cell.measured.devices) devices += device + "\n";
  const auto unet = cell.sample->inputs.find("unet");
  return canonical(Json{unet == cell.sample->inputs.end() ? point.model : unet->second,
                        cell.cost.calls_per_image, cell.cost.gflops_per_call, cell.sample->height,
                        cell.sample->width, cell.sample->dtype, cell.sample->group_size, devices});
}

// Whether some number of seconds lies within all of them.
bool have_common_part(const std::map<std::string, Pool>& samplers) {
  double low = 0, high = std::numeric_limits<double>::infinity();
  for (const auto& [name, pool] : samplers) {
    const auto range = pool.range();
    if (!range) continue;
    low = std::max(low, range->low);
    high = std::min(high, range->high);
  }
  return low <= high;
}

void fill_seconds(std::vector<Point>& points) {
  struct Work {
    std::map<std::string, Pool> samplers;
    std::map<std::string, std::vector<Point*>> points;
  };
  std::map<std::string, Work> works;
  std::vector<const Cell*> cells;
  cells.reserve(points.size());
  for (const Point& point : points) cells.push_back(point.cell);
  const auto once = made_once(cells);
  const std::set<const Cell*> counted(once.begin(), once.end());
  for (Point& point : points) {
    if (point.cell->measured.times.empty()) continue;
    Work& work = works[work_of(point)];
    work.points[point.sampler].push_back(&point);
    if (!counted.contains(point.cell)) continue;
    for (const UnitTime& time : point.cell->measured.times) work.samplers[point.sampler].add(time);
  }
  for (auto& [name, work] : works) {
    Pool all;
    for (const auto& [sampler, pool] : work.samplers) all.add(pool);
    const bool is_one = have_common_part(work.samplers);
    for (auto& [sampler, list] : work.points) {
      const Pool& pool = is_one ? all : work.samplers[sampler];
      if (pool.is_empty()) continue;
      const double mean = pool.mean();
      const auto range = pool.range();
      for (Point* point : list) {
        point->costs[kSecondsAxis] = mean;
        point->cost_ranges[kSecondsAxis] = range;
      }
    }
  }
}

}  // namespace

const std::vector<CostAxis>& cost_axes() {
  static const std::vector<CostAxis> kAxes = {
      {"gflops_per_image", "GFLOPs an image", "GFLOPs an image",
       "2 x multiply-adds of all U-Net calls of one image, every branch of guidance counted; no "
       "encoder, no decoder.",
       false},
      {"gflops_per_image_total", "GFLOPs an image, encoder and decoder included",
       "GFLOPs an image in all",
       "The same with what the autoencoder encodes and decodes of an image, and the text encoder "
       "once a prompt.",
       false},
      {"cost_normalised", "Normalised cost x steps", "units of normalised cost",
       "GFLOPs of one U-Net call relative to the dearest model of the task, times the sampler's "
       "calls; guidance is not doubled. The axis of Mei et al. (2024).",
       false},
      {"measured_seconds_per_image", "Measured seconds an image", "s an image",
       "Seconds of the device for generating, decoding and reading features, divided by the "
       "images: the mean over all units that did equal work (as many calls of the same network on "
       "the same devices). Only comparable among equal devices.",
       true},
      {"measured_joules_per_image", "Measured joules an image", "J an image",
       "Energy of the device where it told, divided by the images.", true}};
  return kAxes;
}

std::vector<const Cell*> made_once(const std::vector<const Cell*>& cells) {
  std::map<std::string_view, std::size_t> places;  // of a sample
  std::vector<const Cell*> list;
  for (const Cell* cell : cells) {
    const auto [found, is_new] = places.emplace(cell->sample_key, list.size());
    if (is_new)
      list.push_back(cell);
    else if (list[found->second]->measured.images < cell->measured.images)
      list[found->second] = cell;
  }
  return list;
}

std::vector<const Cell*> made_once(const std::vector<Cell>& cells) {
  std::vector<const Cell*> list;
  list.reserve(cells.size());
  for (const Cell& cell : cells) list.push_back(&cell);
  return made_once(list);
}

void fill_costs(std::vector<Point>& points, double dearest_call) {
  for (Point& point : points) {
    const CellCost& cost = point.cell->cost;
    const Measured& measured = point.cell->measured;
    point.costs.assign(cost_axes().size(), std::nullopt);
    point.cost_ranges.assign(cost_axes().size(), std::nullopt);
    if (gflops_of_calls(cost) > 0) {
      point.costs[0] = gflops_of_calls(cost);
      point.costs[1] = gflops_an_image(cost);
      point.costs[2] = cost.gflops_per_call / dearest_call * static_cast<double>(cost.steps_calls);
    }
    if (measured.images > 0 && measured.energy_joules && *measured.energy_joules > 0)
      point.costs[kJoulesAxis] = *measured.energy_joules / static_cast<double>(measured.images);
  }
  fill_seconds(points);
}

bool is_dearer(const Point& a, const Point& b, std::size_t axis) {
  if (a.cost_ranges[axis] && b.cost_ranges[axis])
    return a.cost_ranges[axis]->low > b.cost_ranges[axis]->high;
  return *a.costs[axis] > *b.costs[axis];
}

}  // namespace isocost::report

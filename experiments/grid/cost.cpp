#include "experiments/grid/cost.h"

#include <algorithm>
#include <map>

namespace isocost::experiments {
namespace {

double gflops_of(const CellRequest& cell) {
  return static_cast<double>(cell.images.size()) * gflops_an_image(cell.cost);
}

AxisCost cost_of(const Submission& submission, const std::string& name, double total) {
  AxisCost axis{name, {}};
  std::map<Json, std::size_t> places;
  for (const CellRequest& cell : submission.cells) {
    const auto label = cell.labels.find(name);
    if (label == cell.labels.end()) continue;
    const auto [place, is_new] = places.emplace(*label, axis.values.size());
    if (is_new) axis.values.push_back({.value = *label});
    ValueCost& value = axis.values[place->second];
    ++value.cells;
    value.gflops += gflops_of(cell);
  }
  for (ValueCost& value : axis.values) value.share = total > 0 ? value.gflops / total : 0;
  return axis;
}

}  // namespace

double AxisCost::unevenness() const {
  double cells = 0, most = 0;
  for (const ValueCost& value : values) cells += static_cast<double>(value.cells);
  for (const ValueCost& value : values)
    most = std::max(most, value.share - static_cast<double>(value.cells) / cells);
  return most;
}

std::vector<ValueCost> AxisCost::dearest_first() const {
  std::vector<ValueCost> sorted = values;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ValueCost& a, const ValueCost& b) { return a.gflops > b.gflops; });
  return sorted;
}

std::vector<AxisCost> cost_by_axis(const Submission& submission) {
  double total = 0;
  for (const CellRequest& cell : submission.cells) total += gflops_of(cell);
  std::vector<AxisCost> axes;
  for (const std::string& name : submission.axes) {
    AxisCost axis = cost_of(submission, name, total);
    if (!axis.values.empty()) axes.push_back(std::move(axis));
  }
  return axes;
}

const AxisCost* most_costly(const std::vector<AxisCost>& axes) {
  const AxisCost* most = nullptr;
  for (const AxisCost& axis : axes) {
    if (axis.values.size() < 2) continue;
    if (most == nullptr || axis.unevenness() > most->unevenness()) most = &axis;
  }
  return most;
}

Json to_json(const AxisCost& axis) {
  Json values = Json::array();
  for (const ValueCost& value : axis.values) {
    values.push_back({{"value", value.value},
                      {"cells", value.cells},
                      {"gflops", value.gflops},
                      {"share", value.share}});
  }
  return {{"name", axis.name}, {"values", values}};
}

}  // namespace isocost::experiments

// What a submission costs along each of its axes: which models, steps or guidances the work goes
// into, before anything runs.
//
//   const std::vector<AxisCost> axes = cost_by_axis(submission);
//   if (const AxisCost* axis = most_costly(axes)) ...
//
// FLOPs are those of all images of all cells, whatever is computed already. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/spec.h"

namespace isocost::experiments {

struct ValueCost {
  Json value;  // as the cells' labels have it
  std::uint64_t cells = 0;
  double gflops = 0;
  double share = 0;  // of the submission's, 0 to 1
};

struct AxisCost {
  std::string name;
  std::vector<ValueCost> values;  // in the order of the cells

  // How far the share of one of its values exceeds that value's part of the cells: 0 where all
  // cells cost the same, towards 1 where one value of many takes it all.
  [[nodiscard]] double unevenness() const;
  [[nodiscard]] std::vector<ValueCost> dearest_first() const;
};

// The axes that the cells have labels of, in the submission's order.
[[nodiscard]] std::vector<AxisCost> cost_by_axis(const Submission& submission);

// The axis of several values along which the work is least even: what to look at first when a study
// takes too long. Null when no axis has several values.
[[nodiscard]] const AxisCost* most_costly(const std::vector<AxisCost>& axes);

[[nodiscard]] Json to_json(const AxisCost& axis);

}  // namespace isocost::experiments

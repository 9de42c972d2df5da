#include "worker/diffusion/metrics/jackknife.h"

#include <cmath>
#include <numeric>

#include "base/check.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

// Student's t of 0.975 at 19 degrees of freedom.
constexpr double kStudentQuantile = 2.093024054408263;

}  // namespace

double average_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double left_one_out_variance(const at::Tensor& left_out) {
  const auto n = static_cast<double>(left_out.size(0));
  const at::Tensor deviation = left_out - left_out.mean();
  return (deviation * deviation).sum().item<double>() * (n - 1) / n;
}

Json deviations_of(const std::vector<double>& values) {
  const double mean = average_of(values);
  Json list = Json::array();
  for (const double value : values) list.push_back(value - mean);
  return list;
}

Interval group_jackknife(double value, const std::vector<double>& left_out) {
  ISOCOST_CHECK(left_out.size() == static_cast<std::size_t>(kGroups), "a value for each group");
  const double centre = average_of(left_out);
  double squares = 0;
  for (const double one : left_out) squares += (one - centre) * (one - centre);
  const double error =
      std::sqrt(squares * static_cast<double>(kGroups - 1) / static_cast<double>(kGroups));
  return {value - kStudentQuantile * error,
          value + kStudentQuantile * error,
          {{"method", "jackknife"},
           {"level", kLevel},
           {"groups", kGroups},
           {"deviations", deviations_of(left_out)},
           {"bias", static_cast<double>(kGroups - 1) * (centre - value)}}};
}

Interval no_interval(double value, Json& notes) {
  notes.push_back("no interval: the jackknife needs " + std::to_string(kGroupedImagesMin) +
                  " images");
  return {value, value, {{"method", "none"}}};
}

}  // namespace isocost::diffusion

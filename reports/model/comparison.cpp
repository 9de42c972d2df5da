#include "reports/model/comparison.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace isocost::report {
namespace {

constexpr double kTail = 0.025;
constexpr std::size_t kUsualGroups = 20;  // of a jackknife

// Requires: two groups or more.
double student_quantile(std::size_t groups) {
  const boost::math::students_t distribution(static_cast<double>(groups - 1));
  return boost::math::quantile(distribution, 1 - kTail);
}

// The value at a share of the order, interpolated between neighbours. Reorders.
double percentile(std::vector<double>& values, double share) {
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), values.begin() + below, values.end());
  const double low = values[static_cast<std::size_t>(below)];
  if (static_cast<std::size_t>(below) + 1 == values.size()) return low;
  const double high = *std::min_element(values.begin() + below + 1, values.end());
  return low + (high - low) * (place - static_cast<double>(below));
}

bool are_paired(const Score& a, const Score& b) {
  return a.deviations.size() > 1 && a.deviations.size() == b.deviations.size() &&
         a.is_jackknife == b.is_jackknife && a.n == b.n;
}

Difference paired(const Score& a, const Score& b) {
  std::vector<double> gaps(a.deviations.size());
  std::transform(a.deviations.begin(), a.deviations.end(), b.deviations.begin(), gaps.begin(),
                 [](double x, double y) { return x - y; });
  ISOCOST_CHECK(gaps.size() > 1, "paired scores have replicates");
  const double value = *a.value - *b.value;
  if (!a.is_jackknife)
    return {value, value + percentile(gaps, kTail), value + percentile(gaps, 1 - kTail)};
  const auto groups = static_cast<double>(gaps.size());
  const double squares = std::inner_product(gaps.begin(), gaps.end(), gaps.begin(), 0.0);
  // Every comparison of a study asks for the same one.
  static const double kOfTwenty = student_quantile(kUsualGroups);
  const double quantile = gaps.size() == kUsualGroups ? kOfTwenty : student_quantile(gaps.size());
  const double half = quantile * std::sqrt(squares * (groups - 1) / groups);
  return {value, value - half, value + half};
}

}  // namespace

std::optional<Difference> difference(const Score& a, const Score& b) {
  if (!a.value || !b.value) return std::nullopt;
  if (are_paired(a, b)) return paired(a, b);
  if (!a.low || !a.high || !b.low || !b.high) return std::nullopt;
  const double value = *a.value - *b.value;
  return Difference{value, value - std::hypot(*a.value - *a.low, *b.high - *b.value),
                    value + std::hypot(*a.high - *a.value, *b.value - *b.low)};
}

}  // namespace isocost::report

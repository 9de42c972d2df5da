#include "reports/model/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <set>

#include "reports/model/display.h"

namespace isocost::report {
namespace {

constexpr int kReplicates = 200;
constexpr double kExponentMin = 0.02, kExponentMax = 4.0;
constexpr int kExponentSteps = 160;
constexpr std::size_t kDistinctMin = 5;  // two more than parameters
constexpr double kOrderOfMagnitude = 10;

struct Solution {
  double e = 0, factor = 0, exponent = 0, loss = std::numeric_limits<double>::infinity();
};

// For a given exponent E and A are linear; E is held at 0 from below, since no metric here is
// negative.
Solution solve_linear(const std::vector<FitPoint>& points, double exponent) {
  double w = 0, wz = 0, wzz = 0, wy = 0, wzy = 0;
  for (const FitPoint& p : points) {
    const double weight = 1 / (p.sigma * p.sigma), z = std::pow(p.x, -exponent);
    w += weight, wz += weight * z, wzz += weight * z * z, wy += weight * p.y,
        wzy += weight * z * p.y;
  }
  const double determinant = w * wzz - wz * wz;
  Solution s;
  s.exponent = exponent;
  if (!(std::abs(determinant) > 1e-12 * w * wzz)) return s;
  s.factor = (w * wzy - wz * wy) / determinant;
  s.e = (wy - s.factor * wz) / w;
  if (s.e < 0) s.e = 0, s.factor = wzy / wzz;
  s.loss = 0;
  for (const FitPoint& p : points)
    s.loss += std::pow((p.y - s.e - s.factor * std::pow(p.x, -exponent)) / p.sigma, 2);
  return s;
}

Solution solve(const std::vector<FitPoint>& points) {
  Solution best;
  const double ratio = std::pow(kExponentMax / kExponentMin, 1.0 / kExponentSteps);
  double low = kExponentMin, high = kExponentMax;
  for (int i = 0; i <= kExponentSteps; ++i) {
    const Solution s = solve_linear(points, kExponentMin * std::pow(ratio, i));
    if (s.loss < best.loss) best = s, low = s.exponent / ratio, high = s.exponent * ratio;
  }
  for (int i = 0; i < 40; ++i) {  // golden section between the neighbours of the best one
    const double a = high - (high - low) / std::numbers::phi,
                 b = low + (high - low) / std::numbers::phi;
    if (solve_linear(points, a).loss < solve_linear(points, b).loss)
      high = b;
    else
      low = a;
  }
  const Solution refined = solve_linear(points, (low + high) / 2);
  return refined.loss < best.loss ? refined : best;
}

// Box-Muller on the raw engine: standard distributions differ between libraries.
double normal(std::mt19937_64& engine) {
  const auto uniform = [&] { return (static_cast<double>(engine() >> 11) + 0.5) * 0x1p-53; };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

Interval interval_of(double value, std::vector<double> replicates) {
  std::sort(replicates.begin(), replicates.end());
  const auto at = [&](double q) {
    return replicates[static_cast<std::size_t>(q * static_cast<double>(replicates.size() - 1))];
  };
  return {value, at(0.025), at(0.975)};
}

// Without standard errors every point weighs the same.
std::vector<FitPoint> weighted(std::vector<FitPoint> points) {
  const bool all_known =
      std::all_of(points.begin(), points.end(), [](const FitPoint& p) { return p.sigma > 0; });
  if (!all_known)
    for (FitPoint& p : points) p.sigma = 1;
  return points;
}

Fit refused(std::string why) { return {std::nullopt, std::move(why)}; }

// Why the intervals leave open which law it is; empty: they do not.
std::string doubt_of(const PowerLaw& law) {
  const auto spans = [](const Interval& one) {
    return !(one.low > 0) || one.high / one.low > kOrderOfMagnitude;
  };
  const auto told = [](const char* name, const Interval& one) {
    return fmt::format("{} lies anywhere from {} to {}", name, display(one.low), display(one.high));
  };
  if (spans(law.exponent) || law.exponent.high > 0.99 * kExponentMax ||
      law.exponent.low < 1.01 * kExponentMin)
    return told("its exponent", law.exponent);
  return spans(law.a_factor) ? told("its factor A", law.a_factor) : std::string();
}

struct Fitted {
  std::vector<double> y;
  double total = 0, residual = 0;  // sums of squares
};

Fitted fitted_values(const std::vector<FitPoint>& points, const Solution& solution) {
  Fitted fitted;
  double mean = 0;
  for (const FitPoint& p : points) mean += p.y / static_cast<double>(points.size());
  for (const FitPoint& p : points) {
    fitted.y.push_back(solution.e + solution.factor * std::pow(p.x, -solution.exponent));
    fitted.total += std::pow(p.y - mean, 2);
    fitted.residual += std::pow(p.y - fitted.y.back(), 2);
  }
  return fitted;
}

}  // namespace

Interval PowerLaw::band_at(double x) const {
  std::vector<double> values;
  values.reserve(replicates.size());
  for (const Curve& one : replicates)
    values.push_back(one.e + one.factor * std::pow(x, -one.exponent));
  return interval_of(e.value + a_factor.value * std::pow(x, -exponent.value), std::move(values));
}

Fit fit_power_law(const std::vector<FitPoint>& given, std::uint64_t seed) {
  std::set<double> distinct;
  for (const FitPoint& p : given)
    if (p.x > 0 && std::isfinite(p.y)) distinct.insert(p.x);
  if (distinct.size() < kDistinctMin)
    return refused(fmt::format("{} point{} for three parameters", distinct.size(),
                               distinct.size() == 1 ? "" : "s"));
  const bool errors_are_known =
      std::all_of(given.begin(), given.end(), [](const FitPoint& p) { return p.sigma > 0; });
  std::vector<FitPoint> points = weighted(given);
  std::erase_if(points, [](const FitPoint& p) { return !(p.x > 0) || !std::isfinite(p.y); });
  const Solution best = solve(points);
  const Fitted fitted = fitted_values(points, best);
  if (!(best.factor > 0) || !std::isfinite(best.loss) || !(fitted.total > 0))
    return refused("it does not fall");
  // The scatter about the curve is part of the uncertainty, not only the errors of the points.
  const double scatter = std::sqrt(fitted.residual / (static_cast<double>(points.size()) - 3));
  std::mt19937_64 engine(seed);
  PowerLaw law;
  std::vector<double> e, factor, exponent;
  for (int i = 0; i < kReplicates; ++i) {
    std::vector<FitPoint> replicate = points;
    for (std::size_t k = 0; k < replicate.size(); ++k)
      replicate[k].y =
          fitted.y[k] +
          normal(engine) * (errors_are_known ? std::max(scatter, points[k].sigma) : scatter);
    const Solution s = solve(replicate);
    if (!std::isfinite(s.loss)) return refused("its replicates have no solution");
    e.push_back(s.e), factor.push_back(s.factor), exponent.push_back(s.exponent);
    law.replicates.push_back({s.e, s.factor, s.exponent});
  }
  law.e = interval_of(best.e, e);
  law.a_factor = interval_of(best.factor, factor);
  law.exponent = interval_of(best.exponent, exponent);
  law.r_squared = 1 - fitted.residual / fitted.total;
  law.points = points.size();
  if (std::string doubt = doubt_of(law); !doubt.empty()) return refused(std::move(doubt));
  return {std::move(law), {}};
}

}  // namespace isocost::report

#include "reports/model/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <set>

namespace isocost::report {
namespace {

constexpr int kReplicates = 200;
constexpr double kExponentMin = 0.02, kExponentMax = 4.0;
constexpr int kExponentSteps = 160;

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

}  // namespace

std::optional<PowerLaw> fit_power_law(const std::vector<FitPoint>& given, std::uint64_t seed) {
  std::set<double> distinct;
  for (const FitPoint& p : given)
    if (p.x > 0 && std::isfinite(p.y)) distinct.insert(p.x);
  if (distinct.size() < 4 || distinct.size() != given.size()) return std::nullopt;
  const bool errors_are_known =
      std::all_of(given.begin(), given.end(), [](const FitPoint& p) { return p.sigma > 0; });
  std::vector<FitPoint> points = weighted(given);
  const Solution fitted = solve(points);
  if (!(fitted.factor > 0) || !std::isfinite(fitted.loss)) return std::nullopt;

  double mean = 0, total = 0, residual = 0;
  for (const FitPoint& p : points) mean += p.y / static_cast<double>(points.size());
  std::vector<double> model;
  for (const FitPoint& p : points) {
    model.push_back(fitted.e + fitted.factor * std::pow(p.x, -fitted.exponent));
    total += std::pow(p.y - mean, 2), residual += std::pow(p.y - model.back(), 2);
  }
  if (!(total > 0)) return std::nullopt;
  // The scatter about the curve is part of the uncertainty, not only the errors of the points.
  const double scatter =
      std::sqrt(residual / std::max(1.0, static_cast<double>(points.size()) - 3));
  std::mt19937_64 engine(seed);
  std::vector<double> e, factor, exponent;
  for (int i = 0; i < kReplicates; ++i) {
    std::vector<FitPoint> replicate = points;
    for (std::size_t k = 0; k < replicate.size(); ++k)
      replicate[k].y =
          model[k] +
          normal(engine) * (errors_are_known ? std::max(scatter, points[k].sigma) : scatter);
    const Solution s = solve(replicate);
    e.push_back(s.e), factor.push_back(s.factor), exponent.push_back(s.exponent);
  }
  const auto are_finite = [](const std::vector<double>& list) {
    return std::all_of(list.begin(), list.end(), [](double v) { return std::isfinite(v); });
  };
  if (!are_finite(e) || !are_finite(factor) || !are_finite(exponent)) return std::nullopt;
  return PowerLaw{interval_of(fitted.e, e), interval_of(fitted.factor, factor),
                  interval_of(fitted.exponent, exponent), 1 - residual / total, points.size()};
}

}  // namespace isocost::report

// Power laws y = E + A x^-a by weighted least squares, with intervals from a seeded parametric
// bootstrap, and a judgement: a law that its points do not determine is no finding, and says why.
//
//   const Fit fit = fit_power_law(points);
//   fit.law ? fit.law->band_at(x) : fit.refusal
//
// Pure: the same points give the same numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace isocost::report {

struct FitPoint {
  double x = 0;
  double y = 0;
  double sigma = 0;  // standard error of y; 0 is unknown
};
struct Interval {
  double value = 0, low = 0, high = 0;
};
struct PowerLaw {
  Interval e, a_factor, exponent;  // E, A, a
  double r_squared = 0;
  std::size_t points = 0;
  struct Curve {
    double e = 0, factor = 0, exponent = 0;
  };
  std::vector<Curve> replicates;  // of the bootstrap

  // The curve with the middle 95 % of its replicates. Requires: x > 0.
  [[nodiscard]] Interval band_at(double x) const;
};

struct Fit {
  std::optional<PowerLaw> law;
  std::string refusal;  // a clause, where there is no law: "4 points for three parameters"
};

// No law where it is not identified: fewer than 5 distinct x, y that does not fall with x or has no
// spread, and an interval of a or A over more than an order of magnitude or to the end of what is
// searched.
[[nodiscard]] Fit fit_power_law(const std::vector<FitPoint>& points, std::uint64_t seed = 0);

}  // namespace isocost::report

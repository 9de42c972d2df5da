// Power laws y = E + A x^-a by weighted least squares, with intervals from a seeded parametric
// bootstrap.
#pragma once

#include <cstdint>
#include <optional>
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
};

// Nothing where it makes no sense: fewer than 4 distinct x, y that does not fall with x, or no
// spread.
[[nodiscard]] std::optional<PowerLaw> fit_power_law(const std::vector<FitPoint>& points,
                                                    std::uint64_t seed = 0);

}  // namespace isocost::report

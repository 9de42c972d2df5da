#include "reports/model/fit.h"

#include <gtest/gtest.h>

#include <cmath>

namespace isocost::report {
namespace {

std::vector<FitPoint> law_points(double e, double factor, double exponent, double sigma) {
  std::vector<FitPoint> points;
  for (const double x : {0.1, 0.3, 1.0, 3.0, 10.0, 30.0})
    points.push_back({x, e + factor * std::pow(x, -exponent), sigma});
  return points;
}

TEST(PowerLaw, IsFoundAgainFromItsOwnPoints) {
  const Fit fit = fit_power_law(law_points(12, 20, 0.5, 0.1));

  ASSERT_TRUE(fit.law) << fit.refusal;
  EXPECT_NEAR(fit.law->e.value, 12, 0.01);
  EXPECT_NEAR(fit.law->a_factor.value, 20, 0.01);
  EXPECT_NEAR(fit.law->exponent.value, 0.5, 0.001);
  EXPECT_LT(fit.law->exponent.low, 0.5);
  EXPECT_GT(fit.law->exponent.high, 0.5);
  EXPECT_EQ(fit_power_law(law_points(12, 20, 0.5, 0.1)).law->e.low, fit.law->e.low);
}

TEST(PowerLaw, HasABandAboutItsCurve) {
  const Fit fit = fit_power_law(law_points(12, 20, 0.5, 0.1));
  ASSERT_TRUE(fit.law);

  const Interval band = fit.law->band_at(2);

  EXPECT_NEAR(band.value, 12 + 20 * std::pow(2, -0.5), 0.01);
  EXPECT_LT(band.low, band.value);
  EXPECT_GT(band.high, band.value);
  EXPECT_LT(band.high - band.low, 1);
}

TEST(PowerLaw, IsNotIdentifiedByAsManyPointsAsParameters) {
  EXPECT_EQ(fit_power_law({{1, 10, 1}, {2, 9, 1}, {3, 8, 1}}).refusal,
            "3 points for three parameters");
  EXPECT_EQ(fit_power_law({{1, 10, 1}}).refusal, "1 point for three parameters");
}

TEST(PowerLaw, IsNotIdentifiedWhereNothingFalls) {
  EXPECT_EQ(fit_power_law({{1, 10, 1}, {2, 11, 1}, {3, 12, 1}, {4, 13, 1}, {5, 14, 1}}).refusal,
            "it does not fall");
  EXPECT_EQ(fit_power_law({{1, 10, 1}, {2, 10, 1}, {3, 10, 1}, {4, 10, 1}, {5, 10, 1}}).refusal,
            "it does not fall");
}

// Errors as large as what falls: any exponent would do.
TEST(PowerLaw, IsNotIdentifiedByIntervalsOverOrdersOfMagnitude) {
  const Fit fit = fit_power_law(law_points(12, 2, 0.5, 3));

  EXPECT_FALSE(fit.law);
  EXPECT_NE(fit.refusal.find(" lies anywhere from "), std::string::npos) << fit.refusal;
}

}  // namespace
}  // namespace isocost::report

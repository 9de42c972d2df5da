#include "base/io/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/io/npz.h"

namespace isocost::io {
namespace {

// Of single precision, in which many files were made before they were widened.
constexpr double kAsymmetryMax = 1e-6;
constexpr double kRounding = 1e-5;

constexpr const char* kCovariance = "a symmetric, positive semidefinite matrix";

// Eight sums at once, so that the compiler may use vectors without reordering a sum.
double dot(const double* a, const double* b, std::size_t n) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  double sum = 0;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (const double one : sums) sum += one;
  return sum;
}

// Cholesky's decomposition of matrix + ridge I exists. Overwrites the lower triangle.
bool is_positive(std::vector<double> matrix, std::size_t d, double ridge) {
  for (std::size_t i = 0; i < d; ++i) {
    double* row = &matrix[i * d];
    for (std::size_t j = 0; j < i; ++j) {
      const double* other = &matrix[j * d];
      row[j] = (row[j] - dot(row, other, j)) / other[j];
    }
    const double pivot = row[i] + ridge - dot(row, row, i);
    if (!(pivot > 0)) return false;
    row[i] = std::sqrt(pivot);
  }
  return true;
}

bool is_symmetric(std::span<const double> matrix, std::size_t d, double tolerance) {
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (std::abs(matrix[i * d + j] - matrix[j * d + i]) > tolerance) return false;
  return true;
}

Result<void> check_values(std::span<const double> values, const std::string& where) {
  const auto all = [&](auto fits) { return std::all_of(values.begin(), values.end(), fits); };
  if (!all([](double value) { return std::isfinite(value); }))
    return fail(where, "its values are not finite", "finite numbers");
  if (!all([](double value) { return std::abs(value) <= kStatisticMax; }))
    return fail(where, "its values are too large", "none beyond 1e75");
  return {};
}

}  // namespace

Result<void> check_statistics(std::span<const double> mean, std::span<const double> covariance,
                              const std::string& where) {
  const std::size_t d = mean.size();
  ISOCOST_CHECK(covariance.size() == d * d, "sigma is of mu's features");
  if (d == 0) return fail(where, "the statistics are of no features");
  Failure failure;
  if (const auto fits = check_values(mean, where + ": mu"); !fits) failure.add(fits.error());
  if (const auto fits = check_values(covariance, where + ": sigma"); !fits)
    failure.add(fits.error());
  if (!failure.is_empty()) return fail(std::move(failure));

  double largest = 0, variance = 0, least = 0;
  for (const double value : covariance) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < d; ++i) {
    variance = std::max(variance, covariance[i * d + i]);
    least = std::min(least, covariance[i * d + i]);
  }
  if (!is_symmetric(covariance, d, kAsymmetryMax * largest))
    return fail(where + ": sigma", "it is no covariance: not symmetric", kCovariance);
  if (least < 0) return fail(where + ": sigma", "it has a negative variance", kCovariance);
  if (variance == 0 && largest == 0) return {};  // of pictures that are all the same
  if (!is_positive({covariance.begin(), covariance.end()}, d, kRounding * variance))
    return fail(where + ": sigma", "it is no covariance: it has a negative direction", kCovariance);
  return {};
}

Result<FileStatistics> read_statistics(const std::filesystem::path& file) {
  auto arrays = read_npz(file, {"mu", "sigma"});
  if (!arrays) return fail(arrays.error());
  NpyArray &mean = arrays->at("mu"), &covariance = arrays->at("sigma");
  const bool fits = mean.shape.size() == 1 &&
                    covariance.shape == std::vector<std::int64_t>{mean.shape[0], mean.shape[0]};
  if (!fits)
    return fail(file.string(), "mu and sigma do not belong together",
                "mu of [D] and sigma of [D, D]");
  if (const auto good = check_statistics(mean.values, covariance.values, file.string()); !good)
    return fail(good.error());
  return FileStatistics{std::move(mean.values), std::move(covariance.values)};
}

}  // namespace isocost::io

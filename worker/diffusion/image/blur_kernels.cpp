#include "worker/diffusion/image/blur_kernels.h"

#include <cmath>
#include <numbers>

namespace isocost::diffusion {
namespace {

// weight(dx, dy) around the middle, scaled to a sum of 1.
template <class Weight>
Kernel kernel_of(int side, Weight weight) {
  Kernel kernel{side, {}};
  kernel.weights.reserve(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
  const int half = side / 2;
  double sum = 0;
  for (int y = -half; y <= half; ++y)
    for (int x = -half; x <= half; ++x) {
      kernel.weights.push_back(weight(static_cast<double>(x), static_cast<double>(y)));
      sum += kernel.weights.back();
    }
  for (double& one : kernel.weights) one /= sum;
  return kernel;
}

// (dx, dy) Sigma^-1 (dx, dy)^T with Sigma = U diag(sigma_x^2, sigma_y^2) U^T.
class Mahalanobis {
 public:
  explicit Mahalanobis(const Spread& spread) {
    const double c = std::cos(spread.rotation), s = std::sin(spread.rotation);
    const double a = 1 / (spread.sigma_x * spread.sigma_x);
    const double b = 1 / (spread.sigma_y * spread.sigma_y);
    xx_ = c * c * a + s * s * b;
    xy_ = c * s * (a - b);
    yy_ = s * s * a + c * c * b;
  }
  [[nodiscard]] double squared(double x, double y) const {
    return xx_ * x * x + 2 * xy_ * x * y + yy_ * y * y;
  }

 private:
  double xx_ = 1, xy_ = 0, yy_ = 1;
};

}  // namespace

Kernel gaussian_kernel(int side, const Spread& spread) {
  const Mahalanobis distance(spread);
  return kernel_of(side, [&](double x, double y) { return std::exp(-distance.squared(x, y) / 2); });
}

Kernel generalized_gaussian_kernel(int side, const Spread& spread) {
  const Mahalanobis distance(spread);
  return kernel_of(side, [&](double x, double y) {
    return std::exp(-std::pow(distance.squared(x, y), spread.beta) / 2);
  });
}

Kernel plateau_kernel(int side, const Spread& spread) {
  const Mahalanobis distance(spread);
  return kernel_of(side, [&](double x, double y) {
    return 1 / (std::pow(distance.squared(x, y), spread.beta) + 1);
  });
}

Kernel sinc_kernel(int side, double cutoff) {
  return kernel_of(side, [&](double x, double y) {
    const double r = std::hypot(x, y);
    if (r == 0) return cutoff * cutoff / (4 * std::numbers::pi);
    return cutoff * std::cyl_bessel_j(1.0, cutoff * r) / (2 * std::numbers::pi * r);
  });
}

}  // namespace isocost::diffusion

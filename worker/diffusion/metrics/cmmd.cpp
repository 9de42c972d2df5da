#include <algorithm>
#include <cmath>
#include <vector>

#include "worker/diffusion/metrics/jackknife.h"
#include "worker/diffusion/metrics/similarity.h"

namespace isocost::diffusion {
namespace {

constexpr std::int64_t kCmmdBlockRows = 1024;  // bounds the kernel matrix in memory

// For each row of a, the sum of exp(-|x - y|² / 2 sigma²) over all rows of b; |x - y|² is
// 2 - 2 x.y for rows of unit length.
at::Tensor gaussian_row_sums(const at::Tensor& a, const at::Tensor& b, double sigma) {
  std::vector<at::Tensor> sums;
  for (std::int64_t begin = 0; begin < a.size(0); begin += kCmmdBlockRows) {
    const at::Tensor block = a.slice(0, begin, begin + kCmmdBlockRows);
    at::Tensor sum = at::zeros({block.size(0)}, at::kDouble);
    for (std::int64_t other = 0; other < b.size(0); other += kCmmdBlockRows) {
      const at::Tensor products = at::mm(block, b.slice(0, other, other + kCmmdBlockRows).t());
      sum += ((products - 1) / (sigma * sigma)).exp().sum(1);
    }
    sums.push_back(sum);
  }
  return at::cat(sums);
}

}  // namespace

// MMD² with its diagonals, as the authors compute it, times a scale. Leaving each image out takes
// one row of each sum, so the jackknife costs nothing more.
Result<Json> score_cmmd(const ScoreInput& input, const Json& protocol) {
  const auto sigma = protocol.at("sigma").get<double>(), scale = protocol.at("scale").get<double>();
  const at::Tensor x = unit_rows(input.rows), y = unit_rows(input.reference->rows);
  const auto n = static_cast<double>(x.size(0)), m = static_cast<double>(y.size(0));
  const double reference = input.reference
                               ->kept("gaussian kernel " + number_text(sigma),
                                      [&] { return gaussian_row_sums(y, y, sigma).mean() / m; })
                               .item<double>();
  const at::Tensor own = gaussian_row_sums(x, x, sigma), cross = gaussian_row_sums(x, y, sigma);
  const double own_sum = own.sum().item<double>(), cross_sum = cross.sum().item<double>();
  const double value =
      scale * std::max(own_sum / (n * n) + reference - 2 * cross_sum / (n * m), 0.0);
  const at::Tensor left_out = scale * ((own_sum - 2 * own + 1) / ((n - 1) * (n - 1)) + reference -
                                       2 * (cross_sum - cross) / ((n - 1) * m));
  const double error = std::sqrt(left_one_out_variance(left_out));
  return Json{{"value", value},
              {"low", value - kNormalQuantile * error},
              {"high", value + kNormalQuantile * error},
              {"n", x.size(0)},
              {"features", x.size(1)},
              {"reference_n", y.size(0)},
              {"standard_error", error},
              {"interval", {{"method", "jackknife"}, {"level", kLevel}, {"groups", x.size(0)}}},
              {"notes", Json::array()}};
}

}  // namespace isocost::diffusion

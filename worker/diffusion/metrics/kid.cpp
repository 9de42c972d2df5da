#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "worker/diffusion/metrics/chance.h"
#include "worker/diffusion/metrics/jackknife.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

constexpr std::int64_t kBlockRows = 1024;  // bounds the kernel matrix in memory

at::Tensor kernel(const at::Tensor& a, const at::Tensor& b) {
  ISOCOST_CHECK(a.size(1) == b.size(1) && a.size(1) > 0, "a kernel is of rows of one width");
  return (at::mm(a, b.t()) / static_cast<double>(a.size(1)) + 1).pow(3);
}

// For each row of a, the sum of its kernel values with all rows of b.
at::Tensor kernel_row_sums(const at::Tensor& a, const at::Tensor& b) {
  std::vector<at::Tensor> sums;
  for (std::int64_t begin = 0; begin < a.size(0); begin += kBlockRows) {
    const at::Tensor block = a.slice(0, begin, begin + kBlockRows);
    at::Tensor sum = at::zeros({block.size(0)}, at::kDouble);
    for (std::int64_t other = 0; other < b.size(0); other += kBlockRows) {
      sum += kernel(block, b.slice(0, other, other + kBlockRows)).sum(1);
    }
    sums.push_back(sum);
  }
  return at::cat(sums);
}

at::Tensor own_kernel(const at::Tensor& a) {
  return ((a * a).sum(1) / static_cast<double>(a.size(1)) + 1).pow(3);
}

// Leaves each image out once: MMD^2 is an average over pairs, so the sums tell each such value at
// once. The reference is held fixed, as it is for every cell that is compared.
double jackknife_error(const KernelSums& sums, std::int64_t reference_n) {
  const auto n = static_cast<double>(sums.own.size(0)), m = static_cast<double>(reference_n);
  const double own = sums.own.sum().item<double>(), cross = sums.cross.sum().item<double>();
  const at::Tensor left_out = (own - 2 * sums.own) / ((n - 1) * (n - 2)) + sums.reference_mean -
                              2 * (cross - sums.cross) / ((n - 1) * m);
  return std::sqrt(left_one_out_variance(left_out));
}

// `size` of `n` rows without repetition, in the order of their numbers: the first places of a
// Fisher-Yates shuffle.
at::Tensor subset(const at::Tensor& rows, std::int64_t size, std::uint64_t seed,
                  std::uint64_t stream) {
  ISOCOST_CHECK(size >= 2 && size <= rows.size(0), "the plan knows that the set has a subset");
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows.size(0)));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
    std::swap(order[i], order[i + draw_below(order.size() - i, seed, stream, i)]);
  }
  order.resize(static_cast<std::size_t>(size));
  std::sort(order.begin(), order.end());
  return rows.index_select(0, at::tensor(order, at::kLong));
}

struct Subsets {
  std::int64_t count = 0;  // 0: the whole sample
  std::int64_t size = 0;
  std::uint64_t seed = 0;  // of the draws: the same images of every cell
};

Json score_subsets(const Subsets& subsets, const at::Tensor& rows, const at::Tensor& reference) {
  std::vector<double> values;
  for (std::int64_t s = 0; s < subsets.count; ++s) {
    const auto stream = 2 * static_cast<std::uint64_t>(s);
    const at::Tensor x = subset(rows, subsets.size, subsets.seed, stream);
    const at::Tensor y = subset(reference, subsets.size, subsets.seed, stream + 1);
    values.push_back(unbiased_mmd(kernel_sums(x, y), subsets.size));
  }
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {{"value", mean}, {"subset_deviation", std::sqrt(squares / n)}};
}

}  // namespace

double mean_kernel(const at::Tensor& rows) {
  const at::Tensor y = rows.to(at::kDouble).contiguous();
  const auto m = static_cast<double>(y.size(0));
  return (kernel_row_sums(y, y) - own_kernel(y)).sum().item<double>() / (m * (m - 1));
}

KernelSums kernel_sums(const at::Tensor& rows, const at::Tensor& reference_rows,
                       double reference_mean) {
  const at::Tensor x = rows.to(at::kDouble).contiguous(),
                   y = reference_rows.to(at::kDouble).contiguous();
  return {.own = kernel_row_sums(x, x) - own_kernel(x),
          .cross = kernel_row_sums(x, y),
          .reference_mean = reference_mean};
}

KernelSums kernel_sums(const at::Tensor& rows, const at::Tensor& reference_rows) {
  return kernel_sums(rows, reference_rows, mean_kernel(reference_rows));
}

double unbiased_mmd(const KernelSums& sums, std::int64_t reference_n) {
  const auto n = static_cast<double>(sums.own.size(0)), m = static_cast<double>(reference_n);
  return sums.own.sum().item<double>() / (n * (n - 1)) + sums.reference_mean -
         2 * sums.cross.sum().item<double>() / (n * m);
}

Result<Json> score_kid(const ScoreInput& input, const Json& protocol) {
  const std::int64_t n = input.rows.size(0), m = input.reference->rows.size(0);
  const Subsets subsets{protocol.at("subsets").get<std::int64_t>(),
                        protocol.at("subset_size").get<std::int64_t>(),
                        protocol.at("seed").get<std::uint64_t>()};
  const KernelSums sums =
      kernel_sums(input.rows, input.reference->rows, input.reference->kernel_mean());
  const double whole = unbiased_mmd(sums, m);
  const double error = jackknife_error(sums, m);
  Json values = {{"value", whole}};
  if (subsets.count > 0) {
    values = score_subsets(subsets, input.rows, input.reference->rows);
    values["subsets"] = subsets.count;
    values["subset_size"] = subsets.size;
    values["whole_sample"] = whole;
  }
  const double value = values.at("value").get<double>();
  values.update({{"low", value - kNormalQuantile * error},
                 {"high", value + kNormalQuantile * error},
                 {"n", n},
                 {"features", input.rows.size(1)},
                 {"reference_n", m},
                 {"standard_error", error},
                 {"interval", {{"method", "jackknife"}, {"level", kLevel}, {"groups", n}}},
                 {"notes", Json::array()}});
  return values;
}

}  // namespace isocost::diffusion

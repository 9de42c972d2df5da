#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "base/check.h"
#include "worker/diffusion/metrics/jackknife.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

// As numpy's RandomState(seed).permutation(n) gives it: MT19937, Fisher-Yates from the end, a place
// drawn by masking off bits and drawing again what is too large.
std::vector<std::int64_t> numpy_permutation(std::int64_t n, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (auto last = static_cast<std::uint32_t>(std::max<std::int64_t>(n - 1, 0)); last > 0; --last) {
    std::uint32_t mask = last;
    for (const int shift : {1, 2, 4, 8, 16}) mask |= mask >> shift;
    auto place = static_cast<std::uint32_t>(generator()) & mask;
    while (place > last) place = static_cast<std::uint32_t>(generator()) & mask;
    std::swap(order[last], order[place]);
  }
  return order;
}

at::Tensor entropy_terms(const at::Tensor& p) { return at::xlogy(p, p); }

struct Split {
  double score = 0;
  double variance = 0;  // of the score, by the jackknife over the split's images
};

// exp of the mean divergence of p(class | image) from their mean: the mean of sum p log p less
// sum q log q, so that each score with an image left out is known at once.
Split score_split(const at::Tensor& logits) {
  ISOCOST_CHECK(logits.size(0) >= 2, "the plan knows that each split has two images");
  const auto m = static_cast<double>(logits.size(0));
  const at::Tensor log_p = at::log_softmax(logits, 1);
  const at::Tensor p = log_p.exp();
  const at::Tensor own = (p * log_p).sum(1);  // [m]
  const double sum = own.sum().item<double>();
  const at::Tensor q = p.mean(0, true);  // [1, C]
  const double score = std::exp(sum / m - entropy_terms(q).sum().item<double>());

  const at::Tensor q_without = ((m * q - p) / (m - 1)).clamp_min(0);
  const at::Tensor left_out = ((sum - own) / (m - 1) - entropy_terms(q_without).sum(1)).exp();
  return {score, left_one_out_variance(left_out)};
}

}  // namespace

Result<Json> score_inception_score(const ScoreInput& input, const Json& protocol) {
  const std::int64_t n = input.rows.size(0), splits = protocol.at("splits").get<std::int64_t>();
  if (input.rows.size(1) < 2)
    return fail("inception_score", "its rows have 1 column", "a logit of each class, 2 or more");
  at::Tensor logits = input.rows.to(at::kDouble);
  if (protocol.at("order") == "shuffled") {
    const auto order = numpy_permutation(n, protocol.at("seed").get<std::uint32_t>());
    logits = logits.index_select(0, at::tensor(order, at::kLong));
  }
  std::vector<double> scores;
  double variance = 0;
  for (std::int64_t i = 0; i < splits; ++i) {
    const Split split = score_split(logits.slice(0, i * n / splits, (i + 1) * n / splits));
    scores.push_back(split.score);
    variance += split.variance;
  }
  const auto count = static_cast<double>(splits);
  const double value = average_of(scores);
  const double error = std::sqrt(variance) / count;
  double squares = 0;
  for (const double one : scores) squares += (one - value) * (one - value);
  return Json{{"value", value},
              {"low", value - kNormalQuantile * error},
              {"high", value + kNormalQuantile * error},
              {"n", n},
              {"features", input.rows.size(1)},
              {"splits", splits},
              {"split_deviation", std::sqrt(squares / count)},
              {"standard_error", error},
              {"interval", {{"method", "jackknife"}, {"level", kLevel}, {"groups", n}}},
              {"notes", Json::array()}};
}

}  // namespace isocost::diffusion

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "worker/diffusion/metrics/chance.h"
#include "worker/diffusion/metrics/jackknife.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

// Up to here a replicate takes milliseconds; beyond, the jackknife over groups needs a tenth of the
// decompositions.
constexpr std::int64_t kBootstrapDimensionsMax = 256;

struct Resampling {
  std::int64_t replicates = 0;
  std::uint64_t seed = 0;
};

// A percentile of sorted values, interpolated between neighbours.
double percentile(const std::vector<double>& sorted, double share) {
  ISOCOST_CHECK(!sorted.empty() && share >= 0 && share <= 1, "a percentile is of some values");
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
}

// How often each image is drawn in a replicate, as weights.
at::Tensor resampled_counts(std::int64_t n, std::uint64_t seed, std::uint64_t replicate) {
  at::Tensor counts = at::zeros({n}, at::kDouble);
  double* count = counts.data_ptr<double>();
  for (std::int64_t draw = 0; draw < n; ++draw) {
    count[draw_below(static_cast<std::uint64_t>(n), seed, replicate,
                     static_cast<std::uint64_t>(draw))] += 1;
  }
  return counts;
}

// Resampled images are fewer different ones, which raises every replicate by about the bias that
// FID has at n. So the interval is their spread about their own mean, laid around the value; the
// shift itself is reported as "bias". Replicate r draws the same places of the row of images in
// every cell: what two cells owe to prompts and noise that they share cancels in a difference.
Interval bootstrap(const ScoreInput& input, double value, const Resampling& resampling) {
  const std::int64_t n = input.rows.size(0);
  const at::Tensor rows = input.rows.to(at::kDouble);
  const at::Tensor centre = rows.mean(0);
  const at::Tensor centred = rows - centre;
  std::vector<double> values;
  for (std::int64_t r = 0; r < resampling.replicates; ++r) {
    const at::Tensor counts = resampled_counts(n, resampling.seed, static_cast<std::uint64_t>(r));
    const at::Tensor weighted = centred * counts.unsqueeze(1);
    const at::Tensor shift = weighted.sum(0) / static_cast<double>(n);
    const at::Tensor covariance =
        (at::mm(weighted.t(), centred) - static_cast<double>(n) * at::outer(shift, shift)) /
        static_cast<double>(n - 1);
    values.push_back(frechet_distance({n, centre + shift, covariance}, *input.reference));
  }
  const double centre_value = average_of(values);
  const Json drawn = deviations_of(values);
  std::sort(values.begin(), values.end());
  const double tail = (1 - kLevel) / 2;
  return {value + percentile(values, tail) - centre_value,
          value + percentile(values, 1 - tail) - centre_value,
          {{"method", "bootstrap"},
           {"level", kLevel},
           {"replicates", resampling.replicates},
           {"bias", centre_value - value},
           {"deviations", drawn}}};
}

std::vector<double> without_each_group(const ScoreInput& input, const Moments& all) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(kGroups));
  for (std::int64_t k = 0; k < kGroups; ++k) {
    Moments group(input.rows.size(1));
    group.add(input.rows.slice(0, k, std::nullopt, kGroups));
    values.push_back(frechet_distance(all.without(group).finish(), *input.reference));
  }
  return values;
}

Json notes_for(std::int64_t n, std::int64_t d, const Reference& reference) {
  Json notes = Json::array();
  if (n <= d) {
    notes.push_back("n = " + std::to_string(n) + " images give a covariance of " +
                    std::to_string(d) + " features less than full rank: compare equal n alone");
  } else if (n < 10 * d) {
    notes.push_back("FID is biased upwards at n = " + std::to_string(n) + " with " +
                    std::to_string(d) + " features: compare equal n alone");
  }
  if (reference.statistics.n != 0 && reference.statistics.n <= d)
    notes.push_back("the reference's covariance has less than full rank");
  return notes;
}

}  // namespace

double frechet_distance(const Statistics& statistics, const Reference& reference) {
  const at::Tensor difference = statistics.mean - reference.statistics.mean;
  const at::Tensor product =
      at::mm(at::mm(reference.root(), statistics.covariance), reference.root());
  const at::Tensor symmetric = (product + product.t()) / 2;
  const double cross = at::linalg_eigvalsh(symmetric, "L").clamp_min(0).sqrt().sum().item<double>();
  const double distance = difference.dot(difference).item<double>() +
                          statistics.covariance.trace().item<double>() +
                          reference.statistics.covariance.trace().item<double>() - 2 * cross;
  // It is not negative; rounding makes that of equal sets so. NaN stays NaN.
  return distance < 0 ? 0 : distance;
}

Result<Json> score_fid(const ScoreInput& input, const Json& protocol) {
  const auto method = protocol.at("interval").get<std::string>();
  const Resampling resampling{protocol.at("replicates").get<std::int64_t>(),
                              protocol.at("seed").get<std::uint64_t>()};
  const std::int64_t n = input.rows.size(0), d = input.rows.size(1);
  Moments moments(d);
  moments.add(input.rows);
  const double value = frechet_distance(moments.finish(), *input.reference);
  Json notes = notes_for(n, d, *input.reference);
  Interval interval{value, value, {{"method", "none"}}};
  const bool is_jackknife =
      method == "jackknife" || (method == "auto" && d > kBootstrapDimensionsMax);
  if (is_jackknife) {
    interval =
        jackknife_or_none(value, n, notes, [&] { return without_each_group(input, moments); });
  } else if (method != "none") {
    interval = bootstrap(input, value, resampling);
  }
  const std::int64_t reference_n = input.reference->statistics.n;
  return Json{{"value", value},
              {"low", interval.low},
              {"high", interval.high},
              {"n", n},
              {"features", d},
              {"reference_n", reference_n == 0 ? Json() : Json(reference_n)},
              {"interval", interval.about},
              {"notes", notes}};
}

}  // namespace isocost::diffusion

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/io/atomic_file.h"
#include "schema/metrics/metric.h"
#include "tests/worker/diffusion/metrics/rows.h"
#include "worker/diffusion/metrics/chance.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::rows_x;
using isocost::testing::rows_y;
using ::testing::HasSubstr;

// Two threads make matrices this small slower, and the worker uses one as well.
const bool kHasOneThread = (at::set_num_threads(1), true);

const std::filesystem::path kGolden = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden";

const Json& golden() {
  static const Json kJson =
      parse_json(io::read_file(kGolden / "metrics.json").value(), "metrics.json").value();
  return kJson;
}

// As many Gaussian-like rows as wanted, from the counter: a sum of uniforms.
at::Tensor noise_rows(std::int64_t n, std::int64_t d, std::uint64_t seed, double shift = 0) {
  at::Tensor rows = at::empty({n, d}, at::kFloat);
  float* value = rows.data_ptr<float>();
  for (std::int64_t i = 0; i < n * d; ++i) {
    double sum = shift;
    for (std::uint64_t k = 0; k < 6; ++k)
      sum += static_cast<double>(draw_below(1 << 20, seed, k, static_cast<std::uint64_t>(i))) /
                 (1 << 20) -
             0.5;
    value[i] = static_cast<float>(sum);
  }
  return rows;
}

Reference reference_of(const at::Tensor& rows) {
  Reference reference = Reference::from_rows(rows, true).value();
  reference.rows = rows;  // in float64, as the known answers are
  return reference;
}

double value_of(const Result<Json>& result) {
  EXPECT_TRUE(result) << (result ? "" : result.error().message());
  return result ? result->at("value").get<double>() : std::nan("");
}

TEST(Metrics, AreThoseOfTheTable) {
  auto known = metrics::metric_names();
  std::sort(known.begin(), known.end());
  EXPECT_EQ(computed_metrics(), known);
}

// Whatever rounding or a symmetric interval gives.
TEST(Metrics, KeepWhatTheyGiveWithinTheBoundsOfTheTable) {
  const at::Tensor rows = at::tensor({0.0, 0.0, 0.0, 1.0}, at::kDouble).view({4, 1});

  const Json distance = score("lpips", {.rows = rows}).value();
  const Json cosine = score("clip_t", {.rows = 1 - 1e-3 * rows}).value();
  const Json plain = score("clip_score", {.rows = 1 - 1e-3 * rows}).value();

  EXPECT_EQ(distance.at("low"), 0);
  EXPECT_EQ(cosine.at("high"), 1);
  EXPECT_GT(plain.at("high"), 1);  // which has none: others multiply it
}

TEST(Fid, EqualsTheKnownAnswer) {
  const Reference reference = reference_of(rows_y());

  EXPECT_NEAR(value_of(score("fid", {.rows = rows_x(), .reference = &reference})),
              golden().at("fid_ddof1").at("fid_symmetric").get<double>(), 1e-9);
}

TEST(Fid, EqualsTheKnownAnswerWhenRanksAreDeficient) {
  const Reference reference = reference_of(rows_y().slice(0, 0, 10));

  // Square roots of rounding's own eigenvalues: references agree to 1e-7 here.
  EXPECT_NEAR(frechet_distance(statistics_of(rows_x().slice(0, 0, 10)), reference),
              golden().at("fid_rank_deficient_first10").at("fid_symmetric").get<double>(), 2e-7);
}

TEST(Fid, IsZeroOfEqualSetsAndSymmetric) {
  const Reference x = reference_of(rows_x()), y = reference_of(rows_y());

  EXPECT_NEAR(frechet_distance(statistics_of(rows_x()), x), 0, 1e-9);
  EXPECT_NEAR(frechet_distance(statistics_of(rows_x()), y),
              frechet_distance(statistics_of(rows_y()), x), 1e-9);
}

// Rounding made it slightly negative where there were fewer pictures than features.
TEST(Fid, OfEqualSetsIsNeverNegative) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto rows = 100 * noise_rows(9, 12 + static_cast<std::int64_t>(seed), seed, 1);
    const Reference reference = reference_of(rows);

    const Json values = score("fid", {.rows = rows, .reference = &reference}).value();

    EXPECT_GE(values.at("value"), 0) << seed;
    EXPECT_LT(values.at("value"), 0.05) << seed;
    EXPECT_GE(values.at("low"), 0) << seed;
    EXPECT_GE(values.at("high"), values.at("value")) << seed;
  }
}

TEST(Fid, OfShiftedRowsIsTheSquareOfTheShift) {
  const Reference reference = reference_of(rows_x());

  EXPECT_NEAR(frechet_distance(statistics_of(rows_x() + 0.5), reference), 16 * 0.25, 1e-9);
}

TEST(Fid, IntervalIsTheSameForTheSameSeedAndHoldsTheValue) {
  const Reference reference = reference_of(rows_y());
  const ScoreInput input{.rows = rows_x(), .reference = &reference, .protocol = {{"seed", 17U}}};

  const Json first = score("fid", input).value(), second = score("fid", input).value();

  EXPECT_EQ(first, second);
  EXPECT_LT(first.at("low"), first.at("value"));
  EXPECT_GT(first.at("high"), first.at("value"));
  EXPECT_EQ(first.at("n"), 200);
  EXPECT_EQ(first.at("interval").at("method"), "bootstrap");
  EXPECT_GT(first.at("interval").at("bias"), 0);
}

// Two cells that share most of what makes their rows: each FID is uncertain, their difference
// hardly.
TEST(Fid, ReplicatesDrawTheSameImagesOfEveryCell) {
  const Reference reference = reference_of(noise_rows(4000, 6, 1));
  const at::Tensor rows = noise_rows(240, 6, 100, 0.15);
  for (const char* method : {"bootstrap", "jackknife"}) {
    const auto scored = [&](const at::Tensor& some) {
      return score("fid",
                   {.rows = some, .reference = &reference, .protocol = {{"interval", method}}})
          .value();
    };
    const Json a = scored(rows), b = scored(rows + 0.01 * noise_rows(240, 6, 7));

    const auto of_a = a.at("interval").at("deviations").get<std::vector<double>>();
    const auto of_b = b.at("interval").at("deviations").get<std::vector<double>>();
    ASSERT_EQ(of_a.size(), of_b.size());
    double own = 0, gap = 0, sum = 0;
    for (std::size_t r = 0; r < of_a.size(); ++r) {
      own = std::max(own, std::abs(of_a[r]));
      gap = std::max(gap, std::abs(of_a[r] - of_b[r]));
      sum += of_a[r];
    }
    EXPECT_NEAR(sum, 0, 1e-9) << method;
    EXPECT_LT(gap, own / 10) << method;
  }
}

// Repeats the whole experiment: 95 % of the intervals should hold the mean of all values, up to the
// noise of 80 trials.
TEST(Fid, IntervalsHoldTheMeanAsOftenAsTheySay) {
  const Reference reference = reference_of(noise_rows(4000, 6, 1));
  for (const char* method : {"bootstrap", "jackknife"}) {
    std::vector<Json> trials;
    double mean = 0;
    for (std::uint64_t t = 0; t < 60; ++t) {
      trials.push_back(
          score("fid", {.rows = noise_rows(240, 6, 100 + t, 0.15),
                        .reference = &reference,
                        .protocol = {{"interval", method}, {"replicates", 60}, {"seed", t}}})
              .value());
      mean += trials.back().at("value").get<double>() / 60;
    }
    const auto held = std::count_if(trials.begin(), trials.end(), [&](const Json& trial) {
      return trial.at("low") <= mean && mean <= trial.at("high");
    });
    EXPECT_GE(held, 51) << method;
  }
}

TEST(Fid, SaysWhatIsWrongAndWarnsOfFewImages) {
  const Reference reference = reference_of(rows_y());
  const auto fault = [&](const ScoreInput& input) { return score("fid", input).error().message(); };

  EXPECT_THAT(fault({.rows = rows_x().slice(0, 0, 7), .reference = &reference}),
              HasSubstr("only 7 images"));
  EXPECT_THAT(fault({.rows = rows_x()}), HasSubstr("no reference"));
  EXPECT_THAT(fault({.rows = rows_x().slice(1, 0, 8), .reference = &reference}),
              HasSubstr("16 features and the images 8"));
  EXPECT_THAT(fault({.rows = rows_x() / 0, .reference = &reference}), HasSubstr("not finite"));
  EXPECT_THAT(fault({.rows = rows_x(),
                     .reference = &reference,
                     .protocol = {{"interval", "guess"}, {"x", 1}}}),
              ::testing::AllOf(HasSubstr("guess"), HasSubstr("'x' is unknown")));
  EXPECT_THAT(
      score("fid", {.rows = rows_x().slice(0, 0, 12), .reference = &reference})->at("notes").dump(),
      HasSubstr("full rank"));
  EXPECT_THAT(score("fiddle", {.rows = rows_x()}).error().message(),
              HasSubstr("'fiddle' is unknown"));
}

TEST(Statistics, DependOnTheRowsAndNotOnHowTheyWereCut) {
  const at::Tensor rows = noise_rows(3000, 5, 2);
  Moments whole(5), first(5), second(5);
  whole.add(rows);
  first.add(rows.slice(0, 0, 2048));
  second.add(rows.slice(0, 2048));

  first.merge(second);

  // 2048 is a multiple of the block: the same sums in the same order.
  EXPECT_TRUE(at::equal(first.finish().covariance, whole.finish().covariance));
  EXPECT_LT(
      (first.without(second).finish().covariance - statistics_of(rows.slice(0, 0, 2048)).covariance)
          .abs()
          .max()
          .item<double>(),
      1e-12);
}

TEST(Reference, ComesBackFromItsBytes) {
  const Reference reference = Reference::from_rows(noise_rows(50, 4, 3), true).value();

  const auto again = Reference::parse(reference.bytes(), "artifact");

  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->statistics.n, 50);
  EXPECT_TRUE(at::equal(again->statistics.covariance, reference.statistics.covariance));
  EXPECT_TRUE(at::equal(again->rows, reference.rows));
  EXPECT_EQ(again->bytes(), reference.bytes());
}

TEST(Reference, ReadsPublishedStatistics) {
  const auto reference = Reference::read_npz(kGolden / "npz/deflated.npz");

  ASSERT_TRUE(reference) << reference.error().message();
  EXPECT_NEAR(frechet_distance(statistics_of(rows_x()), *reference), 0, 1e-9);
  EXPECT_THAT(Reference::read_npz(kGolden / "npz/fortran.npz").error().message(),
              HasSubstr("do not belong together"));
  EXPECT_TRUE(
      score("fid", {.rows = rows_x(), .reference = &*reference})->at("reference_n").is_null());
  EXPECT_THAT(score("kid", {.rows = rows_x(), .reference = &*reference}).error().message(),
              HasSubstr("statistics alone"));
}

TEST(Kid, NeedsAsManyImagesOnEachSideAsASubsetHas) {
  const Reference reference = reference_of(rows_y().slice(0, 0, 64));
  const auto fault = [&](std::int64_t images, std::int64_t size) {
    const ScoreInput input{.rows = rows_x().slice(0, 0, images),
                           .reference = &reference,
                           .protocol = {{"subsets", 2}, {"subset_size", size}}};
    const auto scored = score("kid", input);
    return scored ? "no fault" : scored.error().message();
  };

  EXPECT_EQ(fault(100, 65), "kid: there are only 64 images in the reference; expected 65 or more");
  EXPECT_EQ(fault(30, 40), "kid: there are only 30 images; expected 40 or more");
  EXPECT_EQ(fault(100, 64), "no fault");
}

TEST(Kid, EqualsTheKnownAnswer) {
  const Reference reference = reference_of(rows_y());

  EXPECT_NEAR(value_of(score("kid", {.rows = rows_x(), .reference = &reference})),
              golden().at("kid_full200_unbiased").get<double>(), 1e-9);
}

TEST(Kid, JackknifeEqualsLeavingEachImageOut) {
  const at::Tensor rows = rows_x().slice(0, 0, 12);
  const Reference reference = reference_of(rows_y());
  std::vector<double> values;
  for (std::int64_t i = 0; i < 12; ++i) {
    const at::Tensor rest = at::cat({rows.slice(0, 0, i), rows.slice(0, i + 1)});
    values.push_back(unbiased_mmd(kernel_sums(rest, reference.rows), 200));
  }
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / 12;
  for (const double value : values) squares += (value - mean) * (value - mean);

  EXPECT_NEAR(
      score("kid", {.rows = rows, .reference = &reference})->at("standard_error").get<double>(),
      std::sqrt(squares * 11 / 12), 1e-9);
}

TEST(Kid, SubsetsAreTheSameForTheSameSeedAndNearTheWhole) {
  const Reference reference = reference_of(rows_y());
  const ScoreInput input{.rows = rows_x(),
                         .reference = &reference,
                         .protocol = {{"subsets", 100}, {"subset_size", 50}, {"seed", 5U}}};

  const Json values = score("kid", input).value();

  EXPECT_EQ(values, score("kid", input).value());
  EXPECT_NEAR(values.at("value").get<double>(), values.at("whole_sample").get<double>(), 0.01);
  EXPECT_NEAR(values.at("subset_deviation").get<double>(),
              golden().at("kid_100x50_RandomState2020")[1].get<double>(), 0.01);
}

// As script/reference/inception_score.py makes them.
at::Tensor logits_of(std::int64_t images, std::int64_t classes) {
  const at::Tensor i = at::arange(images, at::kDouble).unsqueeze(1);
  const at::Tensor c = at::arange(classes, at::kDouble).unsqueeze(0);
  return 4 * at::sin(.7 * i + 1.9 * c + .05 * i * c) + 2 * at::cos(1.3 * i * c + .2 * i);
}

TEST(InceptionScore, EqualsTorchFidelity) {
  const Json file =
      parse_json(io::read_file(kGolden / "inception_score.json").value(), "golden").value();
  for (const Json& one : file.at("cases")) {
    const auto values =
        score("inception_score",
              {.rows = logits_of(one.at("images").get<int>(), one.at("classes").get<int>()),
               .protocol = {{"splits", one.at("splits")},
                            {"order", one.at("shuffled") == true ? "shuffled" : "images"},
                            {"seed", one.at("seed")}}});

    EXPECT_NEAR(value_of(values), one.at("mean").get<double>(), 1e-11) << one;
    EXPECT_NEAR(values->at("split_deviation").get<double>(), one.at("std").get<double>(), 1e-11)
        << one;
  }
}

TEST(InceptionScore, DefaultsAreThoseOfTorchFidelity) {
  const at::Tensor rows = logits_of(203, 12);
  const Json protocol = {{"splits", 10}, {"order", "shuffled"}, {"seed", 2020}};

  EXPECT_EQ(score("inception_score", {.rows = rows}).value(),
            score("inception_score", {.rows = rows, .protocol = protocol}).value());
}

TEST(InceptionScore, LiesBetweenOneAndTheNumberOfClasses) {
  const at::Tensor sure = at::eye(5, at::kDouble).repeat({8, 1}) * 1000;  // 0 log 0 is 0
  const Json protocol = {{"splits", 4}, {"order", "images"}};

  const Json all = score("inception_score", {.rows = sure, .protocol = protocol}).value();
  const Json none =
      score("inception_score", {.rows = at::zeros_like(sure), .protocol = protocol}).value();

  EXPECT_NEAR(all.at("value").get<double>(), 5, 1e-12);
  EXPECT_NEAR(none.at("value").get<double>(), 1, 1e-12);
  EXPECT_GE(none.at("low").get<double>(), 1);
  EXPECT_NEAR(none.at("standard_error").get<double>(), 0, 1e-12);
}

// Each image left out of its split in turn, the others computed as ever.
TEST(InceptionScore, ErrorIsTheJackknifes) {
  const at::Tensor rows = logits_of(24, 6);
  const auto part_without = [&](std::int64_t part, std::int64_t left_out) {
    std::vector<at::Tensor> kept;
    for (std::int64_t i = 12 * part; i < 12 * (part + 1); ++i)
      if (i != left_out) kept.push_back(rows[i]);
    return value_of(score("inception_score", {.rows = at::stack(kept),
                                              .protocol = {{"splits", 1}, {"order", "images"}}}));
  };
  double variance = 0;
  for (std::int64_t part = 0; part < 2; ++part) {
    std::vector<double> values;
    for (std::int64_t i = 12 * part; i < 12 * (part + 1); ++i)
      values.push_back(part_without(part, i));
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 12;
    for (const double value : values) variance += (value - mean) * (value - mean) * 11 / 12;
  }

  const Json scored =
      score("inception_score", {.rows = rows, .protocol = {{"splits", 2}, {"order", "images"}}})
          .value();

  EXPECT_NEAR(scored.at("standard_error").get<double>(), std::sqrt(variance) / 2, 1e-10);
}

// The deviation over many samples is what the interval speaks of.
TEST(InceptionScore, IntervalHoldsTheMeanOfManySamples) {
  std::vector<Json> trials;
  double mean = 0;
  for (std::uint64_t t = 0; t < 60; ++t) {
    trials.push_back(score("inception_score", {.rows = 4 * noise_rows(400, 8, t)}).value());
    mean += trials.back().at("value").get<double>() / 60;
  }

  const auto held = std::count_if(trials.begin(), trials.end(), [&](const Json& trial) {
    return trial.at("low") <= mean && mean <= trial.at("high");
  });

  EXPECT_GE(held, 51);
}

TEST(InceptionScore, NeedsTwoImagesASplitAndTwoClasses) {
  const auto fault = [](const at::Tensor& rows) {
    return score("inception_score", {.rows = rows}).error().message();
  };

  EXPECT_EQ(fault(logits_of(19, 4)),
            "inception_score: there are only 19 images; expected 20 or more");
  EXPECT_THAT(fault(logits_of(40, 1)), HasSubstr("expected a logit of each class, 2 or more"));
}

TEST(ClipScore, IsTheMeanCosineWithItsStandardError) {
  const Json values = score("clip_score", {.rows = at::tensor({0.1, 0.3, -0.2, 0.4}).view({4, 1}),
                                           .protocol = {{"scale", 100.0}}})
                          .value();

  EXPECT_NEAR(values.at("value").get<double>(), 15, 1e-9);
  EXPECT_NEAR(values.at("standard_error").get<double>(), 13.2287565553, 1e-9);
  EXPECT_THAT(score("clip_score", {.rows = at::ones({4, 2})}).error().message(),
              HasSubstr("2 columns"));
}

TEST(AttributeAccuracy, CountsWhatWasAskedFor) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor rows = at::tensor({1., 1., 1., 0., 1., none, 0., 0.}).view({4, 2});

  const Json mean = score("attribute_accuracy", {.rows = rows}).value();
  const Json all =
      score("attribute_accuracy", {.rows = rows, .protocol = {{"reduce", "all"}}}).value();

  EXPECT_DOUBLE_EQ(mean.at("value").get<double>(), (1 + 0.5 + 1 + 0) / 4);
  EXPECT_DOUBLE_EQ(all.at("value").get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(mean.at("columns")[1].get<double>(), 1.0 / 3);
  EXPECT_THAT(score("attribute_accuracy", {.rows = rows * 0.3}).error().message(),
              HasSubstr("0 and 1"));
}

TEST(AttributeAccuracy, IntervalHasAWidthWhenAllAreRight) {
  const Json values = score("attribute_accuracy", {.rows = at::ones({20, 3})}).value();

  EXPECT_EQ(values.at("high"), 1.0);
  EXPECT_NEAR(values.at("low").get<double>(), 0.8389, 1e-3);
}

}  // namespace
}  // namespace isocost::diffusion

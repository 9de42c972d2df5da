// Metrics of pairs and of neighbours: known answers, the field's packages, intervals, ends.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/io/atomic_file.h"
#include "tests/worker/diffusion/metrics/rows.h"
#include "worker/diffusion/metrics/chance.h"
#include "worker/diffusion/metrics/metric.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::rows_x;
using isocost::testing::rows_y;
using ::testing::HasSubstr;

Json golden_file(const std::string& name) {
  const auto file = std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden" / name;
  return parse_json(io::read_file(file).value(), name).value();
}

// In float64, as the known answers are.
Reference exact_reference(const at::Tensor& rows) {
  Reference reference = Reference::from_rows(rows, true).value();
  reference.rows = rows;
  return reference;
}

Json scored(const std::string& metric, const at::Tensor& rows, const Reference* reference = nullptr,
            const Json& protocol = Json::object()) {
  const auto values = score(metric, {.rows = rows, .reference = reference, .protocol = protocol});
  EXPECT_TRUE(values) << (values ? "" : values.error().message());
  return values.value_or(Json{{"value", std::nan("")}});
}

double number_of(const Json& values) { return values.at("value").get<double>(); }

at::Tensor uniform_rows(std::int64_t n, std::int64_t d, std::uint64_t seed, double shift = 0) {
  at::Tensor rows = at::empty({n, d}, at::kDouble);
  double* value = rows.data_ptr<double>();
  for (std::int64_t i = 0; i < n * d; ++i)
    value[i] =
        shift + static_cast<double>(draw_below(1 << 30, seed, 0, static_cast<std::uint64_t>(i))) /
                    (1 << 30);
  return rows;
}

// As script/reference/picture_metrics.py makes them.
at::Tensor formula_rows(std::int64_t n, std::int64_t d, double one, double other) {
  const at::Tensor i = at::arange(n, at::kDouble).unsqueeze(1);
  const at::Tensor j = at::arange(d, at::kDouble).unsqueeze(0);
  return at::sin(one * i + 1.9 * j + .05 * i * j) + .3 * at::cos(other * i * j + .2 * i);
}

TEST(Neighbours, EqualTheKnownAnswers) {
  const Json golden = golden_file("metrics.json");
  const Reference real = exact_reference(rows_y());
  const Json& pair = golden.at("precision_recall_k3 (X generated, Y real)");
  const Json& other = golden.at("density_coverage_k5 (X generated, Y real)");

  // They are given in float32.
  EXPECT_NEAR(number_of(scored("precision", rows_x(), &real)), pair[0].get<double>(), 1e-7);
  EXPECT_NEAR(number_of(scored("recall", rows_x(), &real)), pair[1].get<double>(), 1e-7);
  EXPECT_NEAR(number_of(scored("density", rows_x(), &real)), other[0].get<double>(), 1e-7);
  EXPECT_NEAR(number_of(scored("coverage", rows_x(), &real)), other[1].get<double>(), 1e-7);
}

TEST(Neighbours, EqualTorchFidelityAndPrdc) {
  for (const Json& one : golden_file("picture_metrics/golden.json").at("neighbours")) {
    const auto d = one.at("columns").get<std::int64_t>();
    const at::Tensor x = formula_rows(one.at("n").get<std::int64_t>(), d, .7, 1.3);
    const Reference y = exact_reference(formula_rows(one.at("m").get<std::int64_t>(), d, .9, .6));
    const Json protocol = {{"k", one.at("k")}};
    for (const char* metric : {"precision", "recall", "density", "coverage"})
      EXPECT_NEAR(number_of(scored(metric, x, &y, protocol)), one.at(metric).get<double>(), 1e-6)
          << metric << " " << one;
  }
}

// Each group left out in truth, computed anew.
TEST(Neighbours, IntervalsAreThoseOfTheJackknifeOverGroups) {
  const at::Tensor rows = uniform_rows(130, 3, 4, 0.1);
  const Reference real = exact_reference(uniform_rows(90, 3, 5));
  for (const char* metric : {"recall", "coverage"}) {
    std::vector<double> left_out;
    for (std::int64_t g = 0; g < 20; ++g) {
      std::vector<at::Tensor> kept;
      for (std::int64_t i = 0; i < rows.size(0); ++i)
        if (i % 20 != g) kept.push_back(rows[i]);
      left_out.push_back(number_of(scored(metric, at::stack(kept), &real)));
    }
    const Json values = scored(metric, rows, &real);

    const double mean = at::tensor(left_out, at::kDouble).mean().item<double>();
    const auto deviations = values.at("interval").at("deviations").get<std::vector<double>>();
    double squares = 0;
    for (std::size_t g = 0; g < 20; ++g) {
      EXPECT_NEAR(deviations[g], left_out[g] - mean, 1e-12) << metric << " " << g;
      squares += deviations[g] * deviations[g];
    }
    EXPECT_GT(squares, 0) << metric;
    EXPECT_NEAR(number_of(values) - values.at("low").get<double>(),
                2.093024054408263 * std::sqrt(squares * 19 / 20), 1e-12)
        << metric;
  }
}

TEST(Neighbours, OfEqualSetsAreWhole) {
  const at::Tensor rows = uniform_rows(70, 4, 6);
  const Reference same = exact_reference(rows);
  for (const char* metric : {"precision", "recall", "coverage"})
    EXPECT_EQ(number_of(scored(metric, rows, &same)), 1) << metric;
  // Far away nothing is reached.
  for (const char* metric : {"precision", "recall", "density", "coverage"})
    EXPECT_EQ(number_of(scored(metric, rows + 100, &same)), 0) << metric;
}

TEST(Neighbours, HaveNoJackknifeOfFewImagesAndNeedMoreThanTheirNeighbours) {
  const Reference real = exact_reference(uniform_rows(40, 3, 7));
  const Json values = scored("recall", uniform_rows(59, 3, 8), &real);
  EXPECT_EQ(values.at("interval").at("method"), "none");
  EXPECT_THAT(values.at("notes").dump(), HasSubstr("needs 60 images"));
  EXPECT_THAT(score("coverage",
                    {.rows = uniform_rows(30, 3, 8), .reference = &real, .protocol = {{"k", 30}}})
                  .error()
                  .message(),
              HasSubstr("only 30 images; expected 31 or more"));
  EXPECT_THAT(score("density",
                    {.rows = uniform_rows(90, 3, 8), .reference = &real, .protocol = {{"k", 40}}})
                  .error()
                  .message(),
              HasSubstr("only 40 images in the reference"));
}

// 95 % of the intervals should hold the mean of all values, up to the noise of 60 trials.
TEST(Neighbours, IntervalsHoldTheMeanAsOftenAsTheySay) {
  const Reference real = exact_reference(uniform_rows(300, 2, 1));
  for (const char* metric : {"precision", "recall", "density", "coverage"}) {
    std::vector<Json> trials;
    double mean = 0;
    for (std::uint64_t t = 0; t < 60; ++t) {
      trials.push_back(scored(metric, uniform_rows(160, 2, 100 + t, 0.2), &real));
      mean += number_of(trials.back()) / 60;
    }
    const auto held = std::count_if(trials.begin(), trials.end(), [&](const Json& trial) {
      return trial.at("low") <= mean && mean <= trial.at("high");
    });
    EXPECT_GE(held, 51) << metric;
  }
}

TEST(Cmmd, EqualsTheKnownAnswers) {
  const Reference real = exact_reference(rows_y());
  for (const Json& one : golden_file("picture_metrics/golden.json").at("numpy").at("cmmd"))
    EXPECT_NEAR(number_of(scored("cmmd", rows_x(), &real,
                                 {{"sigma", one.at("sigma")}, {"scale", one.at("scale")}})),
                one.at("value").get<double>(), 1e-9)
        << one;
}

TEST(Cmmd, JackknifeEqualsLeavingEachImageOut) {
  const at::Tensor rows = rows_x().slice(0, 0, 12);
  const Reference real = exact_reference(rows_y());
  const Json protocol = {{"sigma", 1}};
  std::vector<double> values;
  for (std::int64_t i = 0; i < 12; ++i)
    values.push_back(number_of(
        scored("cmmd", at::cat({rows.slice(0, 0, i), rows.slice(0, i + 1)}), &real, protocol)));
  const at::Tensor all = at::tensor(values, at::kDouble);

  EXPECT_NEAR(scored("cmmd", rows, &real, protocol).at("standard_error").get<double>(),
              std::sqrt((all - all.mean()).square().sum().item<double>() * 11 / 12), 1e-9);
  EXPECT_NEAR(number_of(scored("cmmd", rows_y(), &real)), 0, 1e-9);
}

TEST(SimilarityToASet, IsTheMeanCosineOfAllPairs) {
  const at::Tensor x = uniform_rows(24, 5, 2) - 0.4, y = uniform_rows(9, 5, 3) - 0.3;
  const Reference real = exact_reference(y);
  double sum = 0;
  for (std::int64_t i = 0; i < 24; ++i)
    for (std::int64_t j = 0; j < 9; ++j)
      sum += (x[i].dot(y[j]) / x[i].norm() / y[j].norm()).item<double>();
  for (const char* metric : {"clip_i", "dino"}) {
    const Json values = scored(metric, x, &real);
    EXPECT_NEAR(number_of(values), sum / (24 * 9), 1e-12) << metric;
    EXPECT_EQ(values.at("reference_n"), 9) << metric;
  }
}

TEST(PairMetrics, AreMeansWithStandardErrors) {
  const at::Tensor rows = at::tensor({0.1, 0.3, -0.2, 0.4}, at::kDouble).view({4, 1});
  for (const char* metric : {"ssim", "clip_i_source", "clip_i_target", "clip_t", "clip_directional",
                             "dino_source", "dino_target"}) {
    const Json values = scored(metric, rows);
    EXPECT_NEAR(number_of(values), 0.15, 1e-12) << metric;
    EXPECT_NEAR(values.at("standard_error").get<double>(), 0.132287565553, 1e-9) << metric;
    EXPECT_EQ(values.at("interval").at("method"), "normal") << metric;
    EXPECT_THAT(score(metric, {.rows = at::ones({4, 2})}).error().message(),
                HasSubstr(std::string(metric) + ": its rows have 2 columns; expected 1: "))
        << metric;
  }
}

// Cells that share their items differ by what they do differently.
TEST(PairMetrics, DifferencesOfCellsWithTheSameItemsAreExact) {
  const at::Tensor items = uniform_rows(120, 1, 9);
  const Json a = scored("lpips", items), b = scored("lpips", items + 0.01);
  const auto of_a = a.at("interval").at("deviations").get<std::vector<double>>();
  const auto of_b = b.at("interval").at("deviations").get<std::vector<double>>();
  ASSERT_EQ(of_a.size(), 20U);
  for (std::size_t g = 0; g < 20; ++g) EXPECT_NEAR(of_a[g], of_b[g], 1e-12);
  EXPECT_GT(a.at("high").get<double>() - a.at("low").get<double>(), 0.05);
}

TEST(Psnr, IsTheMeanOfDecibels) {
  const at::Tensor errors = at::tensor({1.0, 10.0, 100.0}, at::kDouble).view({3, 1});
  EXPECT_NEAR(number_of(scored("psnr", errors)), 20 * std::log10(255.0) - 10, 1e-12);
}

TEST(Psnr, OfEqualPicturesHasNoEnd) {
  const Json some = scored("psnr", at::tensor({0.0, 255.0 * 255.0}, at::kDouble).view({2, 1}));
  EXPECT_TRUE(some.at("value").is_null());
  EXPECT_EQ(some.at("infinite"), 1);
  EXPECT_EQ(some.at("finite_mean"), 0);
  EXPECT_FALSE(some.contains("low"));
  EXPECT_THAT(some.at("notes").dump(), HasSubstr("1 of 2 pictures equal their targets"));
  EXPECT_EQ(scored("psnr", at::zeros({3, 1}, at::kDouble)).at("infinite"), 3);
}

TEST(OutsideMask, IsTheDifferenceThatTheProtocolNames) {
  const at::Tensor rows = at::tensor({0.0, 0.0, 0.2, 0.06, 0.1, 0.02}, at::kDouble).view({3, 2});
  const Json l1 = scored("outside_mask", rows);
  EXPECT_NEAR(number_of(l1), 0.1, 1e-12);
  EXPECT_NEAR(l1.at("kept").get<double>(), 1.0 / 3, 1e-12);
  EXPECT_NEAR(number_of(scored("outside_mask", rows, nullptr, {{"distance", "l2"}})), 0.08 / 3,
              1e-12);
  EXPECT_GE(l1.at("low").get<double>(), 0);
}

}  // namespace
}  // namespace isocost::diffusion

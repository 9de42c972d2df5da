// Every trajectory of tests/golden/schedulers.json whose scheduler is built: timesteps, number of
// draws, the sum of absolute values after every step and the first values of the result, as
// diffusers computed them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "schema/samplers/resolve.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {
namespace {

Json golden_cases() {
  std::ifstream in(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/schedulers.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return parse_python_json(text, "schedulers.json").value().at("cases");
}

// The file's closed forms over the linear NCHW index, in float64, rounded to float32.
at::Tensor closed_form(double factor, double phase) {
  const at::Tensor i = at::arange(2 * 4 * 8 * 8, at::kDouble);
  return (std::sqrt(2.0) * (factor * i + phase).sin()).to(at::kFloat).reshape({2, 4, 8, 8});
}

bool is_built(const Json& item) {
  const auto config =
      sampling::resolve_class(item.at("cls"), item.at("config"), item.at("n"), 0, "golden");
  return config.has_value();
}

class SchedulersGolden : public ::testing::TestWithParam<Json> {};

TEST_P(SchedulersGolden, FollowsTheReference) {
  const Json& item = GetParam();
  const double eta = item.at("step_kwargs").value("eta", 0.0);
  const auto config =
      sampling::resolve_class(item.at("cls"), item.at("config"), item.at("n"), eta, "golden");
  ASSERT_TRUE(config) << config.error().message();
  // Lists of whole timesteps are exact; fractions hang on the last bit of a float32 logarithm.
  const auto timesteps = sampling::call_timesteps(*config);
  const auto wanted = item.at("timesteps").get<std::vector<double>>();
  ASSERT_EQ(timesteps.size(), wanted.size());
  const bool are_whole =
      std::all_of(wanted.begin(), wanted.end(), [](double t) { return t == std::floor(t); });
  for (std::size_t k = 0; k < wanted.size(); ++k)
    ASSERT_NEAR(timesteps[k], wanted[k], are_whole ? 0 : 1e-3);

  int draws = 0;
  std::vector<double> sums;
  const auto predict = [](const at::Tensor& x, double t) {
    return 0.8F * (x + static_cast<float>(0.002 * t)).sin();
  };
  const auto stepper = make_stepper(*config);
  Trajectory start;
  start.x = stepper->init_sigma() * closed_form(0.9, 0.2);
  start.draw = [&](int k) {
    ++draws;
    return closed_form(0.7, 0.5 + 1.3 * k);
  };
  start.after_step = [&](std::size_t, const at::Tensor& x) {
    sums.push_back(x.to(at::kDouble).abs().sum().item<double>());
  };
  const at::Tensor x0 = run(*stepper, predict, start);

  EXPECT_EQ(draws, item.at("noise_draws").get<int>());
  EXPECT_EQ(sampling::row_of(*config).draws(*config), static_cast<std::size_t>(draws));
  const auto expected = item.at("sum_abs_per_step").get<std::vector<double>>();
  ASSERT_EQ(sums.size(), expected.size());
  for (std::size_t k = 0; k < sums.size(); ++k)
    EXPECT_NEAR(sums[k], expected[k], 1e-4 * expected[k]) << "step " << k;
  const auto first = item.at("final_first8").get<std::vector<double>>();
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_NEAR(x0.flatten()[static_cast<std::int64_t>(i)].item<double>(), first[i],
                1e-3 + 1e-4 * std::fabs(first[i]));
  }
}

std::vector<Json> built_cases() {
  std::vector<Json> cases;
  for (const Json& item : golden_cases()) {
    if (is_built(item)) cases.push_back(item);
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Diffusers, SchedulersGolden, ::testing::ValuesIn(built_cases()),
                         [](const auto& instance) {
                           std::string name = instance.param.at("name");
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           }
                           return name;
                         });

TEST(SchedulersGoldenFile, HasTheCasesOfEveryBuiltSampler) { EXPECT_GE(built_cases().size(), 40U); }

}  // namespace
}  // namespace isocost::diffusion

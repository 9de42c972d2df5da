// What holds of a solver without any weights: on Gaussian data the exact network is known in closed
// form.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "schema/samplers/resolve.h"
#include "schema/samplers/schedule.h"
#include "worker/diffusion/samplers/noise.h"
#include "worker/diffusion/samplers/stepper.h"

namespace isocost::diffusion {
namespace {

sampling::SamplerConfig config_of(const std::string& sampler, int steps,
                                  Json options = Json::object()) {
  options["sampler"] = sampler;
  options["steps"] = steps;
  const Json stable_diffusion = {{"beta_start", 0.00085},
                                 {"beta_end", 0.012},
                                 {"beta_schedule", "scaled_linear"},
                                 {"set_alpha_to_one", false},
                                 {"clip_sample", false}};
  auto config = sampling::resolve(
      sampling::stored_scheduler(stable_diffusion, "StableDiffusionPipeline"), options, "test");
  EXPECT_TRUE(config) << config.error().message();
  return *config;
}

// x0 ~ N(mu, s^2): the epsilon that an ideal network predicts at timestep t.
constexpr double kMu = 0.3;
constexpr double kS = 0.5;

Predict ideal(const sampling::SamplerConfig& config) {
  return [bars = sampling::alphas_cumprod(config)](const at::Tensor& x, double t) {
    const auto bar = double(bars[static_cast<std::size_t>(t)]);
    const double variance = bar * kS * kS + 1 - bar;
    return (x - std::sqrt(bar) * kMu) * (std::sqrt(1 - bar) / variance);
  };
}

at::Tensor sample(const sampling::SamplerConfig& config, const Predict& predict,
                  const at::Tensor& x_T) {
  const auto stepper = make_stepper(config);
  return run(*stepper, predict, {.x = stepper->init_sigma() * x_T, .draw = {}, .after_step = {}});
}

// Deviation of the result from the exact solution of the probability flow, which maps quantiles to
// quantiles.
double error_of(const std::string& sampler, int steps) {
  const auto config = config_of(sampler, steps, {{"timestep_spacing", "trailing"}});
  const at::Tensor z = at::linspace(-2, 2, 41, at::kDouble).reshape({1, 1, 1, 41});
  const auto bar = double(sampling::alphas_cumprod(config).back());
  const at::Tensor x_T = std::sqrt(bar) * kMu + std::sqrt(bar * kS * kS + 1 - bar) * z;
  const at::Tensor x0 = sample(config, ideal(config), x_T);
  return (x0 - (kMu + kS * z)).abs().max().item<double>();
}

TEST(Solver, ConvergesToTheExactSolutionOnGaussianData) {
  for (const char* sampler : {"ddim", "dpmpp-2m"}) {
    EXPECT_LT(error_of(sampler, 200), error_of(sampler, 20)) << sampler;
    EXPECT_LT(error_of(sampler, 20), error_of(sampler, 5)) << sampler;
    EXPECT_LT(error_of(sampler, 200), 0.02) << sampler;
  }
}

TEST(Solver, OfSecondOrderBeatsFirstOrderAtEqualSteps) {
  EXPECT_LT(error_of("dpmpp-2m", 20), error_of("ddim", 20));
}

TEST(Solver, DdimEqualsDpmSolverOfFirstOrder) {
  const auto first =
      config_of("dpmpp-2m", 10, {{"timestep_spacing", "trailing"}, {"solver_order", 1}});
  auto second =
      config_of("ddim", 10, {{"timestep_spacing", "trailing"}, {"set_alpha_to_one", true}});
  const at::Tensor x_T = keyed_noise(7, {0, 1}, 0, {4, 8, 8});
  const auto predict = [](const at::Tensor& x, double t) { return 0.8 * (x + 0.002 * t).sin(); };

  const at::Tensor difference = sample(first, predict, x_T) - sample(second, predict, x_T);

  EXPECT_LT(difference.abs().max().item<double>(), 2e-4);
}

TEST(Steppers, AreThoseOfTheTable) {
  auto known = sampling::sampler_names();
  std::sort(known.begin(), known.end());
  EXPECT_EQ(stepper_names(), known);
}

// A solver that starts in the middle ends where one that ran through does.
TEST(Steppers, GoOnFromTheMiddle) {
  const auto predict = [](const at::Tensor& x, double t) { return 0.8 * (x + 0.002 * t).sin(); };
  for (const char* sampler : {"ddim", "euler"}) {
    const auto config = config_of(sampler, 8, {{"timestep_spacing", "trailing"}});
    const auto stepper = make_stepper(config);
    at::Tensor middle;
    Trajectory start;
    start.x = stepper->init_sigma() * keyed_noise(7, {0, 1}, 0, {4, 8, 8});
    start.after_step = [&](std::size_t k, const at::Tensor& x) {
      if (k == 3) middle = x;
    };
    const at::Tensor through = run(*stepper, predict, start);

    const auto again = make_stepper(config);
    const at::Tensor resumed =
        run(*again, predict, {.x = middle, .first_call = 4, .draw = {}, .after_step = {}});

    EXPECT_TRUE(at::equal(through, resumed)) << sampler;
  }
}

// Noise of the right strength: what stands before call k has the deviation that the schedule says.
TEST(Steppers, AddTheNoiseOfACall) {
  const at::Tensor z = at::full({1, 4, 64, 64}, 2.0), noise = keyed_noise(1, {0}, 0, {4, 64, 64});
  for (const auto& sampler : sampling::sampler_names()) {
    const auto config = config_of(sampler, 10, {{"timestep_spacing", "trailing"}});
    const auto stepper = make_stepper(config);
    const double bar = double(sampling::alphas_cumprod(config)[499]);
    const at::Tensor at_500 = stepper->noised(5, z, noise);  // timestep 499
    const at::Tensor seen = stepper->input(5, at_500);

    EXPECT_NEAR(seen.mean().item<double>(), 2 * std::sqrt(bar), 0.02) << sampler;
    EXPECT_NEAR(seen.std().item<double>(), std::sqrt(1 - bar), 0.02) << sampler;
    EXPECT_TRUE(at::equal(stepper->noised(10, z, noise), z)) << sampler;
  }
}

TEST(KeyedNoise, BelongsToItsImageWhateverTheBatch) {
  const at::Tensor batch = keyed_noise(3, {17, 4, 99}, 2, {4, 5, 5});
  const at::Tensor alone = keyed_noise(3, {99}, 2, {4, 5, 5});

  EXPECT_TRUE(at::equal(batch[2], alone[0]));
  EXPECT_FALSE(at::equal(batch[0], batch[1]));
  EXPECT_FALSE(at::equal(alone, keyed_noise(3, {99}, 3, {4, 5, 5})));
  EXPECT_FALSE(at::equal(alone, keyed_noise(4, {99}, 2, {4, 5, 5})));
}

TEST(KeyedNoise, IsStandardNormal) {
  const at::Tensor x = keyed_noise(1, {0, 1, 2, 3}, 0, {100, 100}).to(at::kDouble);

  EXPECT_NEAR(x.mean().item<double>(), 0, 0.02);
  EXPECT_NEAR(x.var().item<double>(), 1, 0.03);
  EXPECT_NEAR(x.pow(4).mean().item<double>(), 3, 0.15);
}

}  // namespace
}  // namespace isocost::diffusion

#include <gmock/gmock.h>

#include "schema/samplers/resolve.h"
#include "schema/samplers/schedule.h"
#include "tests/schema/samplers/stable_diffusion.h"

namespace isocost::sampling {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;

SamplerConfig chosen(const Json& choice) { return resolve(kStored, choice, "test").value(); }

std::vector<double> sigmas_of_calls(const SamplerConfig& config) {
  return row_of(config).sigmas(config);
}

TEST(CallTimesteps, LeadByTheStrideOfTheTrainingSteps) {
  EXPECT_THAT(call_timesteps(chosen({{"sampler", "ddim"}, {"steps", 5}})),
              ElementsAre(801, 601, 401, 201, 1));
}

TEST(CallTimesteps, LeadWithAsManyCallsAsStepsWhereTheyDoNotDivide) {
  EXPECT_THAT(call_timesteps(chosen({{"sampler", "ddim"}, {"steps", 6}})),
              ElementsAre(831, 665, 499, 333, 167, 1));
}

TEST(CallTimesteps, TrailFromTheLastTrainingStep) {
  const auto config = chosen({{"sampler", "ddpm"}, {"steps", 6}, {"timestep_spacing", "trailing"}});

  EXPECT_THAT(call_timesteps(config), ElementsAre(999, 832, 666, 499, 332, 166));
}

TEST(CallTimesteps, AreSpreadFromEndToEndWithLinspace) {
  const auto config = chosen({{"sampler", "ddim"}, {"steps", 4}, {"timestep_spacing", "linspace"}});

  EXPECT_THAT(call_timesteps(config), ElementsAre(999, 666, 333, 0));
}

TEST(CallTimesteps, OfDpmSolverLeaveTheLastOneOut) {
  EXPECT_THAT(call_timesteps(chosen({{"sampler", "dpmpp-2m"}, {"steps", 4}})),
              ElementsAre(999, 749, 500, 250));
}

TEST(CallTimesteps, FollowKarrasWhateverTheSpacing) {
  const Json karras = {{"sampler", "dpmpp-2m"}, {"steps", 8}, {"use_karras_sigmas", true}};
  Json leading = karras;
  leading["timestep_spacing"] = "leading";

  EXPECT_EQ(call_timesteps(chosen(karras)), call_timesteps(chosen(leading)));
  EXPECT_EQ(call_timesteps(chosen(karras)).front(), 999);
  EXPECT_EQ(call_timesteps(chosen(karras)).back(), 0);
}

// The reference implementation counts with a floating stride and reaches timestep -1 for these.
TEST(CallTimesteps, AreRefusedWhereRoundingWouldReachMinusOne) {
  std::vector<int> refused;
  for (int steps = 1; steps <= 1000; ++steps) {
    const auto config = resolve(
        kStored, {{"sampler", "ddim"}, {"steps", steps}, {"timestep_spacing", "trailing"}}, "test");
    if (!config)
      refused.push_back(steps);
    else
      EXPECT_THAT(call_timesteps(*config), Each(Ge(0)));
  }

  EXPECT_EQ(refused.size(), 62U);
  EXPECT_THAT(std::vector<int>(refused.begin(), refused.begin() + 10),
              ElementsAre(61, 103, 121, 122, 201, 206, 217, 223, 227, 233));
}

TEST(CallTimesteps, AreRefusedPastTheLastTrainingStep) {
  const auto config = resolve(kStored, {{"sampler", "ddim"}, {"steps", 1000}}, "grid.yaml:3:5");

  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message(),
              HasSubstr("grid.yaml:3:5: 1000 steps with leading spacing reach timestep 1000"));
}

TEST(AlphasCumprod, AgreeWithStableDiffusion) {
  const std::vector<float> alphas = alphas_cumprod(chosen({{"sampler", "ddim"}, {"steps", 1}}));

  ASSERT_EQ(alphas.size(), 1000U);
  EXPECT_FLOAT_EQ(alphas.front(), 0.99915F);
  EXPECT_NEAR(alphas.back(), 0.0046602F, 1e-6);
}

TEST(AlphasCumprod, EndAtZeroWhenRescaledAndJustAboveForDpmSolver) {
  Json zero_snr = {{"sampler", "ddim"},
                   {"steps", 4},
                   {"rescale_betas_zero_snr", true},
                   {"prediction_type", "v_prediction"}};
  EXPECT_EQ(alphas_cumprod(chosen(zero_snr)).back(), 0.0F);

  zero_snr["sampler"] = "dpmpp-2m";
  EXPECT_EQ(alphas_cumprod(chosen(zero_snr)).back(), 0x1p-24F);
}

TEST(DpmSigmas, EndAtZeroOrAtTheLeast) {
  const Json choice = {{"sampler", "dpmpp-2m"}, {"steps", 4}};
  Json least = choice;
  least["final_sigmas_type"] = "sigma_min";

  EXPECT_EQ(sigmas_of_calls(chosen(choice)).size(), 5U);
  EXPECT_EQ(sigmas_of_calls(chosen(choice)).back(), 0);
  EXPECT_NEAR(sigmas_of_calls(chosen(least)).back(), 0.0291671, 1e-6);
  EXPECT_NEAR(sigmas_of_calls(chosen(choice)).front(), 14.6146, 1e-3);
}

}  // namespace
}  // namespace isocost::sampling

// Networks for text-to-image: what they learn to predict, and what a recipe of theirs makes.
#include <gmock/gmock.h>

#include <memory>
#include <tuple>

#include "base/io/atomic_file.h"
#include "schema/samplers/schedule.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/worker/diffusion/training/small_family.h"
#include "worker/diffusion/training/loop.h"
#include "worker/diffusion/training/objective.h"

namespace isocost::diffusion {
namespace {

using ::testing::HasSubstr;

constexpr Objective kEpsilon{.min_snr = 5}, kV{.predicts_v = true, .min_snr = 5};

// What is trained on is what samplers walk along.
TEST(UNetObjective, IsOnTheSamplersSchedule) {
  for (const bool ends_in_noise : {false, true}) {
    sampling::SamplerConfig config;
    config.sampler = "ddim";
    config.beta_schedule = "scaled_linear";
    config.beta_start = 0.00085;
    config.beta_end = 0.012;
    config.rescale_betas_zero_snr = ends_in_noise;

    const auto theirs = at::tensor(sampling::alphas_cumprod(config));
    const auto ours =
        alphas_cumulated({.predicts_v = ends_in_noise, .zero_terminal_snr = ends_in_noise});

    ASSERT_EQ(ours.sizes(), theirs.sizes());
    EXPECT_TRUE(at::allclose(ours, theirs, 1e-4, 1e-6))
        << (ours - theirs).abs().max().item<double>();
    EXPECT_EQ(ours[-1].item<float>() == 0, ends_in_noise);
  }
}

TEST(UNetObjective, WeighsTimestepsByMinSnr) {
  const auto weight = [](const Objective& objective, double alpha) {
    return loss_weights(objective, at::tensor(alpha)).item<double>();
  };

  // Signal-to-noise 1 and 9, where gamma is 5.
  EXPECT_NEAR(weight(kEpsilon, 0.5), 1.0, 1e-6);
  EXPECT_NEAR(weight(kEpsilon, 0.9), 5.0 / 9.0, 1e-6);
  EXPECT_NEAR(weight(kV, 0.5), 0.5, 1e-6);
  EXPECT_NEAR(weight(kV, 0.9), 0.5, 1e-6);
  EXPECT_EQ(weight(kV, 0), 0) << "why it is refused with zero_terminal_snr";
  EXPECT_EQ(weight({.predicts_v = true}, 0), 1);
}

TEST(UNetObjective, PredictsEpsilonOrVelocity) {
  const auto target = [](const Objective& objective, double alpha) {
    return target_of(objective, at::tensor(alpha), at::tensor(2.0), at::tensor(3.0)).item<double>();
  };

  EXPECT_EQ(target(kEpsilon, 0.64), 3);
  EXPECT_NEAR(target(kV, 0.64), 0.8 * 3 - 0.6 * 2, 1e-6);
  EXPECT_NEAR(target(kV, 0), -2, 1e-6) << "of noise alone: minus the picture";
}

class UNetTrainings : public FamilyTest {
 protected:
  static void finish(const Recipe& recipe, const std::vector<std::int64_t>& stops = {-1}) {
    for (const auto stop : stops) {
      const auto training = make_unet_training(recipe, places());
      ASSERT_TRUE(training) << training.error().message();
      LoopOptions options;
      options.out = *folder_ / ("out-" + recipe.name);
      options.stop_after = stop;
      const auto note = train(recipe, **training, options);
      ASSERT_TRUE(note) << note.error().message();
    }
  }
};

TEST_F(UNetTrainings, MinSnrIsRefusedWhereItsWeightWouldBeZero) {
  auto recipe = shrunk("w32-v.json", 2);
  EXPECT_EQ(fault_of(recipe), "no fault");
  recipe.options["min_snr"] = 5;

  EXPECT_THAT(fault_of(recipe),
              HasSubstr("min_snr: with zero_terminal_snr the last timestep would count nothing"));
}

TEST_F(UNetTrainings, TheMemberForVelocityIsItsSizeButForThat) {
  const auto base = shipped_recipe("w32.json");
  auto recipe = shipped_recipe("w32-v.json");
  auto options = base.options;
  options.erase("min_snr");
  options["prediction"] = "v_prediction";
  options["zero_terminal_snr"] = true;

  EXPECT_EQ(recipe.options, options);
  EXPECT_EQ(recipe.config, base.config);
  EXPECT_EQ(std::tuple(recipe.part, recipe.seed, recipe.pictures, recipe.steps, recipe.batch,
                       recipe.learning_rate, recipe.warmup, recipe.decay, recipe.final_rate,
                       recipe.weight_decay, recipe.clip_norm, recipe.ema),
            std::tuple(base.part, base.seed, base.pictures, base.steps, base.batch,
                       base.learning_rate, base.warmup, base.decay, base.final_rate,
                       base.weight_decay, base.clip_norm, base.ema));
}

// With a constant rate the first steps of a long training are those of a short one, so a snapshot
// is the average that the short one ends with.
TEST_F(UNetTrainings, ASnapshotIsTheAverageAfterItsSteps) {
  auto whole = shrunk("w16.json", 4), two = shrunk("w16.json", 2);
  whole.decay = two.decay = 0;
  whole.name = "whole";
  two.name = "two";
  auto watched = whole;
  watched.name = "watched";
  watched.snapshots = {2, 3};

  for (const auto& recipe : {whole, two, watched}) finish(recipe);

  EXPECT_FALSE(weights("two").empty());
  EXPECT_EQ(weights("watched@2"), weights("two"));
  EXPECT_NE(weights("watched@3"), weights("two"));
  EXPECT_NE(weights("watched@3"), weights("watched"));
  EXPECT_EQ(weights("watched"), weights("whole")) << "no later step knows of a snapshot";
  EXPECT_TRUE(std::filesystem::exists(places().family / "models/watched@2/model_index.json"));
}

TEST_F(UNetTrainings, SnapshotsAreTheSameAfterResuming) {
  auto at_once = shrunk("w16.json", 4);
  at_once.name = "at-once";
  at_once.snapshots = {1, 3};
  auto in_parts = at_once;
  in_parts.name = "in-parts";

  finish(at_once);
  finish(in_parts, {1, 2, 3, -1});

  for (const char* steps : {"@1", "@3", ""}) {
    EXPECT_FALSE(weights(std::string("at-once") + steps).empty()) << steps;
    EXPECT_EQ(weights(std::string("in-parts") + steps), weights(std::string("at-once") + steps))
        << steps;
  }
}

TEST_F(UNetTrainings, ACheckpointBelongsToThePartsThatEncodedItsData) {
  auto recipe = shrunk("w16.json", 4);
  recipe.name = "encoded";
  finish(recipe, {2});
  write_text_encoder(places().family, 6);

  const auto training = make_unet_training(recipe, places());
  ASSERT_TRUE(training) << training.error().message();
  LoopOptions options;
  options.out = *folder_ / "out-encoded";
  const auto note = train(recipe, **training, options);

  ASSERT_FALSE(note);
  EXPECT_THAT(note.error().message(), HasSubstr("other parts that it was built on"));
}

}  // namespace
}  // namespace isocost::diffusion

#include <gmock/gmock.h>

#include <fstream>

#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"
#include "tests/schema/samplers/stable_diffusion.h"

namespace isocost::sampling {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json key_of(const Json& choice) { return to_json(resolve(kStored, choice, "test").value()); }

std::string fault_of(const Json& choice) {
  const auto config = resolve(kStored, choice, "grid.yaml:7:3");
  return config ? "no fault" : config.error().message();
}

TEST(Resolve, CarriesOverWhatTheFileSaysAndTakesTheClassDefaultsElse) {
  const auto config = resolve(kStored, {{"sampler", "dpmpp-2m"}, {"steps", 20}}, "test");

  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->beta_schedule, "scaled_linear");
  EXPECT_EQ(config->steps_offset, 1);
  EXPECT_EQ(config->timestep_spacing, "linspace")
      << "the file has no spacing, so the new class's holds";
  EXPECT_EQ(config->num_train_timesteps, 1000);
}

TEST(Resolve, LetsTheChoiceWin) {
  const auto config = resolve(
      kStored, {{"sampler", "ddim"}, {"steps", 10}, {"timestep_spacing", "trailing"}, {"eta", 0.5}},
      "test");

  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->timestep_spacing, "trailing");
  EXPECT_EQ(config->number("eta"), 0.5);
}

TEST(Resolve, ReadsTheSolverTypesOfOtherClassesAsDiffusersDoes) {
  Json unipc = kStableDiffusion;
  unipc["solver_type"] = "bh2";

  EXPECT_EQ(resolve(stored_scheduler(unipc, {}), {{"sampler", "dpmpp-2m"}, {"steps", 20}}, "test")
                .value()
                .text("solver_type"),
            "midpoint");
}

// What a model's file brings about is told of the file, and of the model what both do.
TEST(Resolve, PointsAtTheFileOrAtTheChoice) {
  const FaultPlaces places{"g.yaml:5:3", "g.yaml:2:3: sd/scheduler_config.json", "g.yaml:4:3: sd"};
  const auto fault = [&](const Json& stored, const Json& choice) {
    Json file = kStableDiffusion;
    file.update(stored);
    const auto config = resolve(stored_scheduler(file, {}), choice, places);
    return config ? "no fault" : config.error().message();
  };

  EXPECT_EQ(fault({{"algorithm_type", "sde-dpmsolver++"}}, {{"sampler", "dpmpp-2m"}, {"steps", 9}}),
            "g.yaml:2:3: sd/scheduler_config.json: the algorithm_type 'sde-dpmsolver++' is not "
            "built; expected dpmsolver++");
  EXPECT_THAT(fault({{"beta_schedule", "sigmoid"}}, {{"sampler", "ddim"}, {"steps", 9}}),
              HasSubstr("g.yaml:2:3: sd/scheduler_config.json: beta_schedule is \"sigmoid\""));
  EXPECT_THAT(
      fault(Json::object(), {{"sampler", "ddim"}, {"steps", 9}, {"beta_schedule", "sigmoid"}}),
      HasSubstr("g.yaml:5:3: beta_schedule is \"sigmoid\""));
  EXPECT_THAT(fault({{"num_train_timesteps", 10}}, {{"sampler", "ddim"}, {"steps", 20}}),
              HasSubstr("g.yaml:4:3: sd: steps is 20; expected 1 to 10"));
  EXPECT_THAT(
      fault({{"steps_offset", "one"}, {"beta_start", "low"}}, {{"sampler", "ddim"}, {"steps", 9}}),
      HasSubstr("g.yaml:2:3: sd/scheduler_config.json"));
}

TEST(Resolve, SaysKarrasAndCosineOfASpacing) {
  Json cosine = kStableDiffusion;
  cosine["beta_schedule"] = "squaredcos_cap_v2";

  const auto config =
      resolve(stored_scheduler(cosine, {}),
              {{"sampler", "dpmpp-2m"}, {"steps", 20}, {"use_karras_sigmas", true}}, "test");

  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message(),
              HasSubstr("20 steps with karras spacing on a cosine schedule (squaredcos_cap_v2)"));
}

TEST(Resolve, NamesAnUnknownSamplerAndThoseThatThereAre) {
  EXPECT_THAT(fault_of({{"sampler", "dimm"}, {"steps", 10}}),
              AllOf(HasSubstr("grid.yaml:7:3"), HasSubstr("\"dimm\""),
                    HasSubstr("ddim, ddpm, dpmpp-2m, euler")));
}

TEST(Resolve, NamesEveryOptionThatHasNoEffect) {
  EXPECT_THAT(fault_of({{"sampler", "ddpm"}, {"steps", 10}, {"eta", 1}, {"solver_order", 2}}),
              AllOf(HasSubstr("'eta'"), HasSubstr("'solver_order'")));
}

TEST(Resolve, RefusesStepsOutOfRange) {
  EXPECT_THAT(fault_of({{"sampler", "ddim"}, {"steps", 0}}), HasSubstr("steps is 0"));
  EXPECT_THAT(fault_of({{"sampler", "ddim"}, {"steps", 1001}}), HasSubstr("steps is 1001"));
  EXPECT_THAT(fault_of({{"sampler", "ddim"}}), HasSubstr("steps"));
}

TEST(Resolve, RefusesEpsilonWhereTheSignalIsZero) {
  EXPECT_THAT(fault_of({{"sampler", "ddim"},
                        {"steps", 10},
                        {"timestep_spacing", "trailing"},
                        {"rescale_betas_zero_snr", true}}),
              HasSubstr("divides by zero"));
}

// Of each sampler and option that is chosen for a stored scheduler, as diffusers has them.
void expect_as_in_diffusers(const Json& item, const Json& options, const StoredScheduler& stored) {
  for (const auto& row : samplers()) {
    for (std::size_t i = 0; i < options.size(); ++i) {
      Json choice = options[i];
      choice["sampler"] = row.name;
      choice["steps"] = 10;

      const auto config = resolve(stored, choice, "test");

      ASSERT_TRUE(config) << item << config.error().message();
      const Json& expected = item.at("chosen").at(row.class_name).at(i);
      EXPECT_EQ(config->steps_offset, expected[0]) << row.name << item;
      if (config->own.contains("clip_sample")) {
        EXPECT_EQ(config->own.at("clip_sample"), expected[1]) << row.name << item;
      }
    }
  }
}

Json golden_rewrites() {
  std::ifstream in(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/scheduler_rewrites.json");
  return Json::parse(in);
}

// Every pipeline class and every sampler, with and without the keys that some pipelines rewrite,
// kept or exchanged (script/reference/scheduler_rewrites.py).
TEST(Resolve, RewritesAsThePipelineThatIsMadeDoes) {
  const auto golden = golden_rewrites();
  for (const Json& item : golden.at("constructed"))
    expect_as_in_diffusers(
        item, golden.at("options"),
        stored_scheduler(item.at("config"), item.at("pipeline").get<std::string>()));
}

// A picture from a text is drawn by one pipeline, whatever class the folder names: what that class
// would rewrite does not matter. Inpainting leaves clip_sample alone.
TEST(Resolve, RewritesAsThePipelineThatDrawsFromTextDoes) {
  const auto* kind = tasks::find_task("text-to-image");
  const auto golden = golden_rewrites();
  for (const Json& item : golden.at("text_to_image"))
    expect_as_in_diffusers(item, golden.at("options"),
                           stored_scheduler(item.at("config"), kind->runs_as));
}

TEST(ResolveClass, NamesWhatIsNotBuilt) {
  const auto message = [](const char* name, const Json& config) {
    const auto resolved = resolve_class(name, config, 10, 0, "expected.json");
    return resolved ? std::string("no fault") : resolved.error().message();
  };

  EXPECT_THAT(message("HeunDiscreteScheduler", Json::object()), HasSubstr("HeunDiscreteScheduler"));
  EXPECT_THAT(message("DPMSolverMultistepScheduler", {{"algorithm_type", "sde-dpmsolver++"}}),
              HasSubstr("sde-dpmsolver++"));
  EXPECT_THAT(message("DPMSolverMultistepScheduler", {{"solver_order", 3}}),
              HasSubstr("solver_order is 3"));
  EXPECT_THAT(message("DPMSolverMultistepScheduler", {{"use_exponential_sigmas", true}}),
              HasSubstr("use_exponential_sigmas"));
}

TEST(ResolveClass, HasTheDefaultsOfTheClass) {
  const auto ddim = resolve_class("DDIMScheduler", Json::object(), 10, 0, "test").value();

  EXPECT_EQ(ddim.beta_schedule, "linear");
  EXPECT_EQ(ddim.beta_end, 0.02);
  EXPECT_TRUE(ddim.flag("clip_sample"));
  EXPECT_EQ(ddim.timestep_spacing, "leading");
  EXPECT_EQ(ddim.steps_offset, 0);
}

TEST(SamplerKey, LeavesOutWhatHasNoEffect) {
  const Json trailing = {{"sampler", "ddim"}, {"steps", 10}, {"timestep_spacing", "trailing"}};
  Json with_offset = trailing;
  with_offset["steps_offset"] = 0;
  EXPECT_EQ(key_of(trailing), key_of(with_offset));

  const Json karras = {{"sampler", "dpmpp-2m"}, {"steps", 10}, {"use_karras_sigmas", true}};
  Json with_spacing = karras;
  with_spacing["timestep_spacing"] = "trailing";
  with_spacing["lower_order_final"] = false;  // the last sigma is zero: first order in any case
  EXPECT_EQ(key_of(karras), key_of(with_spacing));
}

TEST(SamplerKey, TellsApartWhatHasAnEffect) {
  const Json base = {{"sampler", "dpmpp-2m"}, {"steps", 10}, {"final_sigmas_type", "sigma_min"}};
  Json higher = base;
  higher["lower_order_final"] = false;
  Json heun = base;
  heun["solver_type"] = "heun";

  EXPECT_NE(key_of(base), key_of(higher));
  EXPECT_NE(key_of(base), key_of(heun));
  EXPECT_NE(key_of({{"sampler", "ddim"}, {"steps", 10}}),
            key_of({{"sampler", "ddpm"}, {"steps", 10}}));
}

// 6 trailing steps end at timestep 166 and land on 0, so the alpha beyond the chain is never looked
// at.
TEST(SamplerKey, KnowsWhereTheFinalAlphaIsLookedAt) {
  const Json six = {{"sampler", "ddim"}, {"steps", 6}, {"timestep_spacing", "trailing"}};
  const Json ten = {{"sampler", "ddim"}, {"steps", 10}, {"timestep_spacing", "trailing"}};

  EXPECT_FALSE(key_of(six).contains("set_alpha_to_one"));
  EXPECT_TRUE(key_of(ten).contains("set_alpha_to_one"));
}

TEST(SamplerKey, ReadsBackToTheSameKey) {
  for (const std::string& sampler : sampler_names()) {
    for (const char* spacing : {"leading", "trailing", "linspace"}) {
      for (const int steps : {4, 6, 10, 20, 50}) {
        Json choice = {{"sampler", sampler}, {"steps", steps}, {"timestep_spacing", spacing}};
        if (sampler == "dpmpp-2m") {
          choice["final_sigmas_type"] = "sigma_min";
          choice["lower_order_final"] = steps == 6;
        }
        const Json key = key_of(choice);
        const auto again = sampler_config_from_json(key, "key");
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(to_json(*again), key) << canonical(key);
      }
    }
  }
}

TEST(SamplerKey, RefusesMembersThatItDoesNotKnow) {
  Json key = key_of({{"sampler", "ddim"}, {"steps", 10}});
  key["stpes"] = 10;

  EXPECT_FALSE(sampler_config_from_json(key, "key"));
}

}  // namespace
}  // namespace isocost::sampling

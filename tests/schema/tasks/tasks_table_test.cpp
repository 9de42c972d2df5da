// What rows of the table of tasks say of parameters and calls: what stands in keys is complete and
// idle nowhere, and calls are counted as diffusers counts them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "schema/samplers/resolve.h"
#include "schema/tasks/baseline.h"
#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

using ::testing::HasSubstr;

const TaskKind& kind(const char* name) { return *find_task(name); }

// DDIM makes a call a step, so that calls are steps.
sampling::SamplerConfig ddim(int steps) {
  return sampling::resolve(sampling::stored_scheduler(Json(), ""),
                           {{"sampler", "ddim"}, {"steps", steps}}, "test")
      .value();
}

const Json kLowRes = {{"_class_name", "DDPMScheduler"}, {"beta_schedule", "scaled_linear"},
                      {"beta_start", 0.0001},           {"beta_end", 0.02},
                      {"num_train_timesteps", 1000},    {"clip_sample", true}};

ModelFacts facts_of(const Json& low_res_scheduler, std::int64_t classes = 0) {
  return {.folder = "models/x4", .low_res_scheduler = low_res_scheduler, .classes = classes};
}

Result<Json> upscaler_parameters(const Json& said, const ModelFacts& facts) {
  return key_parameters(kind("x4"), said, 1, facts, "grid.yaml:1:1");
}

TEST(TaskTable, NamesEachTaskAndItsReferencesOnce) {
  std::set<std::string> names, references;
  for (const TaskKind& row : task_kinds()) {
    names.insert(row.name);
    references.insert(row.reference_name);
    EXPECT_FALSE(row.kind.empty() || row.label.empty() || row.explanation.empty()) << row.name;
    EXPECT_TRUE(std::find(row.pipelines.begin(), row.pipelines.end(), row.runs_as) !=
                row.pipelines.end())
        << row.name;
    EXPECT_FALSE(row.input_channels(4).empty()) << row.name;
    EXPECT_EQ(row.derive == nullptr, row.derived.empty()) << row.name;
  }
  EXPECT_EQ(names.size(), task_kinds().size());
  EXPECT_EQ(references.size(), task_kinds().size());
}

TEST(BaselineTable, NamesNothingAsATaskIsNamed) {
  std::set<std::string> names;
  for (const Baseline& row : baselines()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_task(row.name), nullptr) << row.name;
    EXPECT_FALSE(row.label.empty() || row.explanation.empty()) << row.name;
    EXPECT_FALSE(kinds_beside(row).empty()) << row.name;
  }
  EXPECT_THAT(baselines_of(kind("inpaint")),
              ::testing::ElementsAre("reconstruction", "source", "mean"));
  EXPECT_EQ(task_beside(parameters_beside(kind("x4")))->name, "x4");
  EXPECT_EQ(task_beside({{"strength", 1}}), nullptr);
}

TEST(TaskTable, TellsWhichTasksBeginWithPromptsAlone) {
  EXPECT_THAT(kind_names(), ::testing::ElementsAre("text-to-image", "super-resolution", "editing"));
  for (const std::string& name : kind_names())
    for (const std::string& method : methods_of(name))
      EXPECT_EQ(is_of_prompts(*find_task(method)), name == kind_names().front()) << method;
}

// One rule for grids and for `score`.
TEST(TaskTable, SaysWhatALineOfMetadataCallsEachSlot) {
  const auto names = [](ItemUse use) {
    std::vector<std::string> all;
    for (const Slot slot : {Slot::kPrompt, Slot::kSource, Slot::kMask, Slot::kTarget,
                            Slot::kSourceText, Slot::kTargetText})
      all.emplace_back(slot_member(slot, use));
    return all;
  };
  EXPECT_THAT(names({}), ::testing::ElementsAre("text", "file_name", "mask_file_name",
                                                "target_file_name", "source_text", "text"));
  EXPECT_THAT(names({.is_instruction = true}),
              ::testing::ElementsAre("edit_prompt", "file_name", "mask_file_name",
                                     "target_file_name", "text", "target_text"));
  EXPECT_THAT(
      names({.is_made_smaller = true}),
      ::testing::ElementsAre("text", "", "mask_file_name", "file_name", "source_text", "text"));
  for (const TaskKind& row : task_kinds())
    EXPECT_EQ(row.is_instruction, row.name == "instruct") << row.name;
}

// int(steps strength), as diffusers' get_timesteps has it: 5 steps at 0.75 leave 3, and a product
// that rounds below a whole number loses a step there too.
TEST(TaskTable, CountsTheCallsOfAStrengthAsDiffusersDoes) {
  const auto calls = [](int steps, double strength) {
    const auto counted = kind("sdedit").calls(ddim(steps), 3, {{"strength", strength}});
    EXPECT_EQ(counted.first_call + counted.calls, static_cast<std::size_t>(steps));
    EXPECT_EQ(counted.branches, 2U);
    return counted.calls;
  };

  EXPECT_EQ(calls(10, 0.6), 6U);
  EXPECT_EQ(calls(5, 0.75), 3U);
  EXPECT_EQ(calls(10, 1), 10U);
  EXPECT_EQ(calls(10, 0.29), 2U);
  EXPECT_EQ(calls(100, 0.29), 28U);
  EXPECT_EQ(calls(10, 0.05), 0U);
}

TEST(TaskTable, EvaluatesThreeBranchesByInstructionAndOneWithoutGuidance) {
  EXPECT_EQ(kind("instruct").calls(ddim(7), 3, {{"image_guidance", 1.5}}).evaluations(), 21U);
  EXPECT_EQ(kind("instruct").calls(ddim(7), 1, Json::object()).evaluations(), 7U);
  EXPECT_EQ(kind("concat-sr").calls(ddim(7), 1, Json::object()).evaluations(), 7U);
}

// As the engine's tasks encode them: a source that is noised or blended, one that channels are made
// of, and what a network for masks takes of it.
TEST(TaskTable, CountsWhatIsEncoded) {
  const auto encodes = [](const char* task, std::int64_t channels, const Json& parameters) {
    const auto count = kind(task).encodes;
    return count == nullptr ? 0U : count({.network = channels, .latent = 4}, parameters);
  };

  EXPECT_EQ(encodes("text-to-image", 4, Json::object()), 0U);
  EXPECT_EQ(encodes("x4", 7, {{"noise_level", 20}}), 0U);
  EXPECT_EQ(encodes("concat-sr", 8, Json::object()), 1U);
  EXPECT_EQ(encodes("instruct", 8, {{"image_guidance", 1.5}}), 1U);
  EXPECT_EQ(encodes("sdedit", 4, {{"strength", 0.5}}), 1U);
  EXPECT_EQ(encodes("inpaint", 4, {{"strength", 1.0}}), 1U);
  EXPECT_EQ(encodes("inpaint", 4, {{"strength", 0.5}}), 1U);
  EXPECT_EQ(encodes("inpaint", 9, {{"strength", 1.0}}), 1U);
  EXPECT_EQ(encodes("inpaint", 9, {{"strength", 0.5}}), 2U);
}

TEST(TaskParameters, HaveTheirDefaultsInTheKeyAndNoneThatIsIdle) {
  const auto parameters = [](const char* task, const Json& said, double guidance) {
    return key_parameters(kind(task), said, guidance, {}, "test").value();
  };

  EXPECT_EQ(parameters("sdedit", Json::object(), 1), Json({{"strength", 0.8}}));
  EXPECT_EQ(parameters("inpaint", Json::object(), 1), Json({{"strength", 1.0}}));
  EXPECT_EQ(parameters("instruct", Json::object(), 3), Json({{"image_guidance", 1.5}}));
  EXPECT_EQ(parameters("instruct", {{"image_guidance", 2}}, 1), Json::object());
  EXPECT_EQ(parameters("text-to-image", Json::object(), 3), Json::object());
  EXPECT_EQ(parameters("text-to-image", {{"prompt_weight", 1}}, 3), Json::object());
  EXPECT_EQ(parameters("text-to-image", {{"second_prompt", "a dog"}}, 3), Json::object());
  EXPECT_EQ(parameters("text-to-image", {{"prompt_weight", 0.25}, {"second_prompt", "a dog"}}, 3),
            Json({{"prompt_weight", 0.25}, {"second_prompt", "a dog"}}));
}

TEST(TaskParameters, AreRefusedWhereTheyDoNotFit) {
  const auto fault = [](const char* task, const Json& said) {
    const auto parameters = key_parameters(kind(task), said, 3, {}, "grid.yaml:7:3");
    return parameters ? std::string("no fault") : parameters.error().message();
  };

  EXPECT_THAT(fault("sdedit", {{"strength", 0}}), HasSubstr("above 0"));
  EXPECT_THAT(fault("sdedit", {{"strength", 1.5}}), HasSubstr("grid.yaml:7:3: strength is 1.5"));
  EXPECT_THAT(fault("sdedit", {{"noise_level", 3}}), HasSubstr("'noise_level' is unknown"));
  EXPECT_THAT(fault("instruct", {{"image_guidance", 0.5}}), HasSubstr("image_guidance is 0.5"));
  EXPECT_THAT(fault("text-to-image", {{"second_prompt", 3}}), HasSubstr("second_prompt is 3"));
}

// As they come to a worker.
TEST(TaskParameters, FromOutsideMustBeThoseOfAKey) {
  const auto fault = [](const char* task, const Json& parameters, double guidance) {
    const auto fits = check_parameters(kind(task), parameters, guidance, "sample.parameters");
    return fits ? std::string("fits") : fits.error().message();
  };

  EXPECT_EQ(fault("sdedit", {{"strength", 1}}, 3), "fits");
  EXPECT_EQ(fault("text-to-image", Json::object(), 3), "fits");
  EXPECT_EQ(fault("x4", {{"noise_level", 20}, {"low_res_alpha_bar", 0.9}}, 3), "fits");
  EXPECT_THAT(fault("sdedit", Json::object(), 3), HasSubstr("strength"));
  EXPECT_THAT(fault("sdedit", {{"strength", "much"}}, 3), HasSubstr("strength is"));
  EXPECT_THAT(fault("instruct", {{"image_guidance", 1.5}}, 1), HasSubstr("have an effect"));
  EXPECT_THAT(fault("text-to-image", {{"prompt_weight", 1}, {"second_prompt", ""}}, 3),
              HasSubstr("have an effect"));
  EXPECT_THAT(fault("x4", {{"noise_level", 20}}, 3), HasSubstr("low_res_alpha_bar"));
}

// alpha_bar of a schedule from 0.0001 to 0.02 in squares of roots, by hand: of level 0 it is
// 1 - 0.0001.
TEST(TaskParameters, OfTheUpscalerSayWhatALevelOfNoiseIs) {
  const auto clean = upscaler_parameters({{"noise_level", 0}}, facts_of(kLowRes));
  const auto noisy = upscaler_parameters({{"noise_level", 250}}, facts_of(kLowRes));

  ASSERT_TRUE(clean && noisy);
  EXPECT_NEAR(clean->at("low_res_alpha_bar").get<double>(), 0.9999, 1e-7);
  EXPECT_GT(noisy->at("low_res_alpha_bar").get<double>(), 0.5);
  EXPECT_LT(noisy->at("low_res_alpha_bar").get<double>(), 0.9);
}

TEST(TaskParameters, OfTheUpscalerAreCheckedAgainstItsFolder) {
  const auto fault = [](const Json& said, const ModelFacts& facts) {
    const auto parameters = upscaler_parameters(said, facts);
    return parameters ? std::string("no fault") : parameters.error().message();
  };
  Json euler = kLowRes;
  euler["_class_name"] = "EulerDiscreteScheduler";

  EXPECT_THAT(fault({{"noise_level", 351}}, facts_of(kLowRes)), HasSubstr("at most 350"));
  EXPECT_THAT(fault({{"noise_level", 30}},
                    {.index = {{"max_noise_level", 25}}, .low_res_scheduler = kLowRes}),
              HasSubstr("noise_level: this is 30; expected at most 25"));
  EXPECT_EQ(fault({{"noise_level", 30}},
                  {.index = {{"max_noise_level", 30}}, .low_res_scheduler = kLowRes}),
            "no fault");
  // A level is the U-Net's class.
  EXPECT_THAT(
      fault({{"noise_level", 30}}, facts_of(kLowRes, 30)),
      HasSubstr("grid.yaml:1:1.noise_level: this is 30; expected at most 29, which models/x4 "
                "was trained with"));
  EXPECT_EQ(fault({{"noise_level", 30}}, facts_of(kLowRes, 31)), "no fault");
  EXPECT_THAT(
      fault(Json::object(), facts_of(Json())),
      HasSubstr("grid.yaml:1:1: models/x4/low_res_scheduler/scheduler_config.json: the file "
                "is missing"));
  EXPECT_THAT(fault(Json::object(), facts_of(euler)), HasSubstr("EulerDiscreteScheduler"));
}

}  // namespace
}  // namespace isocost::tasks

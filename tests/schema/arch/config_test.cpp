// Configurations as the libraries read them: tests/golden/model_checks.json holds what diffusers
// and transformers were asked (script/reference/model_checks.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "schema/arch/config.h"
#include "schema/arch/config_keys.h"

namespace isocost::arch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json golden_checks() {
  std::ifstream in(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/model_checks.json");
  return Json::parse(in);
}

std::string fault_of_unet(const Json& json) {
  const auto config = unet_config_from_json(json, "unet/config.json");
  return config ? "no fault" : config.error().message();
}

// Files of diffusers below 0.9 said 32 for Stable Diffusion's 64, and pipelines put it right.
TEST(UNetConfig, HasTheSampleSizeThatPipelinesTake) {
  const Json golden = golden_checks();
  for (const Json& item : golden.at("sample_sizes")) {
    const auto config = unet_config_from_json(item.at("unet"), "unet/config.json");

    ASSERT_TRUE(config) << item << config.error().message();
    Json expected = item.at("sample_size");
    if (!expected.is_array()) expected = {expected, expected};
    EXPECT_EQ(Json({config->sample_height, config->sample_width}), expected) << item;
  }
}

TEST(UNetConfig, RefusesAVersionThatIsNone) {
  EXPECT_THAT(fault_of_unet({{"_diffusers_version", "weird"}}),
              HasSubstr("_diffusers_version: this is \"weird\"; expected a version"));
  EXPECT_THAT(fault_of_unet({{"_diffusers_version", 0.8}}), HasSubstr("_diffusers_version"));
  EXPECT_THAT(fault_of_unet({{"_diffusers_version", ""}}), HasSubstr("_diffusers_version"));
}

TEST(UNetConfig, HasOneWidthOfTextForAllBlocksThatAttend) {
  EXPECT_THAT(
      fault_of_unet({{"cross_attention_dim", {768, 768, 1024, 768}}}),
      HasSubstr("unet/config.json.cross_attention_dim: the blocks attend to texts of several "
                "widths: 768, 1024; expected one width"));
  EXPECT_EQ(fault_of_unet({{"cross_attention_dim", {768, 768, 768, 768}}}), "no fault");
  // The last block is a plain one, but the middle goes by its width.
  EXPECT_THAT(fault_of_unet({{"cross_attention_dim", {768, 768, 768, 1024}}}),
              HasSubstr("768, 1024"));
  EXPECT_EQ(
      fault_of_unet({{"cross_attention_dim", {768, 768, 768, 1024}}, {"mid_block_type", nullptr}}),
      "no fault");
}

// Every parameter of the class is read, refused or known to be without effect, so that none is
// ignored in silence, and a model that diffusers wrote names no unknown key.
TEST(ConfigKeys, CoverEveryParameterOfTheClasses) {
  const Json keys = golden_checks().at("keys");
  const auto all_null = [&](const char* name) {
    Json json = Json::object();
    for (const Json& key : keys.at(name)) json[key.get<std::string>()] = nullptr;
    return json;
  };
  // What may not be null is left to its default.
  const auto read = [&](const char* name, const auto& parse) {
    Json json = all_null(name);
    for (int i = 0; i < 100; ++i) {
      const auto config = parse(json, "f");
      if (config) return config->unknown_keys;
      const std::string where = config.error().errors.front().where;
      const std::string key = where.substr(where.rfind('.') + 1);
      EXPECT_EQ(json.erase(key), 1U) << config.error().message();
    }
    return std::vector<std::string>{"no end"};
  };

  EXPECT_THAT(read("UNet2DConditionModel", unet_config_from_json), ElementsAre());
  EXPECT_THAT(read("AutoencoderKL", vae_config_from_json), ElementsAre());
  EXPECT_THAT(read("CLIPTextConfig", clip_text_config_from_json), ElementsAre());
  EXPECT_THAT(read("CLIPConfig", clip_config_from_json), ElementsAre());
  for (const auto& [name, parameters] : keys.items()) {
    if (!name.ends_with("Scheduler")) continue;
    EXPECT_THAT(unknown_scheduler_keys(all_null(name.c_str())), ElementsAre()) << name;
  }
}

TEST(ConfigKeys, NameWhatNothingHereKnows) {
  const auto unet = unet_config_from_json({{"dropout", 0.1}, {"motion_max_length", 32}}, "f");
  const auto vae = vae_config_from_json({{"temporal", true}, {"force_upcast", false}}, "f");
  const auto text =
      clip_text_config_from_json({{"rope_theta", 1}, {"torch_dtype", "float16"}}, "f");
  const auto clip = clip_config_from_json({{"text_config", {{"rope_theta", 1}}},
                                           {"vision_config", {{"num_registers", 4}}},
                                           {"pooling", "mean"}},
                                          "f");

  EXPECT_THAT(unet->unknown_keys, ElementsAre("motion_max_length"));
  EXPECT_THAT(vae->unknown_keys, ElementsAre("temporal"));
  EXPECT_THAT(text->unknown_keys, ElementsAre("rope_theta"));
  EXPECT_THAT(clip->unknown_keys,
              ElementsAre("pooling", "text_config.rope_theta", "vision_config.num_registers"));
  EXPECT_THAT(unknown_scheduler_keys({{"clip_sample", false}, {"predict_epsilon", false}}),
              ElementsAre("predict_epsilon"));
  EXPECT_THAT(unknown_pipeline_members({{"unet", {"diffusers", "UNet2DConditionModel"}},
                                        {"text_encoder_2", {"transformers", "CLIPTextModel"}},
                                        {"tokenizer_2", {nullptr, nullptr}},
                                        {"force_zeros_for_empty_prompt", true}}),
              ElementsAre("force_zeros_for_empty_prompt", "text_encoder_2"));
}

// Older files say a tower in text_config_dict too; it is laid over text_config with every default.
TEST(ClipConfig, TakesTheOlderMembersAsTransformersDoes) {
  const Json golden = golden_checks();
  for (const Json& item : golden.at("clip_configs")) {
    const auto config = clip_config_from_json(item.at("file"), "config.json");

    ASSERT_TRUE(config) << item << config.error().message();
    const auto tower = [](const ClipTowerConfig& one) {
      return Json{{"hidden_size", one.hidden_size},
                  {"intermediate_size", one.intermediate_size},
                  {"num_attention_heads", one.num_attention_heads},
                  {"hidden_act", one.hidden_act}};
    };
    Json text = tower(config->text.tower), vision = tower(config->vision.tower);
    text["eos_token_id"] = config->text.eos_token_id;
    vision["image_size"] = config->vision.image_size;
    vision["patch_size"] = config->vision.patch_size;
    EXPECT_EQ(text, item.at("text")) << item;
    EXPECT_EQ(vision, item.at("vision")) << item;
    EXPECT_EQ(config->projection_dim, item.at("projection_dim")) << item;
  }
}

}  // namespace
}  // namespace isocost::arch

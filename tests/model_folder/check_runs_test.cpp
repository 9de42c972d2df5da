#include "model_folder/check_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>

namespace isocost::arch {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

fs::path golden_models() { return fs::path(ISOCOST_SOURCE_DIR) / "tests/golden/models"; }

std::string faults(const fs::path& folder, const char* task = "text-to-image") {
  const auto model = ModelFolder::open(folder);
  if (!model) return model.error().message();
  const auto runs = check_runs(*model, *tasks::find_task(task));
  return runs ? "runs" : runs.error().message();
}

class CheckRuns : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("isocost-check-runs-" + std::to_string(::getpid()) + "-" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::copy(golden_models() / "bk-tiny", folder_, fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void edit(const std::string& file, const std::function<void(Json&)>& change) {
    std::ifstream in(folder_ / file);
    Json json = Json::parse(in);
    change(json);
    std::ofstream(folder_ / file) << json;
  }
  void set(const std::string& file, const std::string& key, const Json& value) {
    edit(file, [&](Json& json) { json[key] = value; });
  }

  fs::path folder_;
};

TEST(CheckRunsOnReferences, TellsWhichDrawFromText) {
  for (const char* name : {"bk-base", "bk-tiny", "groups32", "sd1", "sd2"})
    EXPECT_EQ(faults(golden_models() / name), "runs") << name;
  EXPECT_EQ(faults(fs::path(ISOCOST_SOURCE_DIR) / "experiments/mini/models/w16"), "runs");
}

TEST(CheckRunsOnReferences, TellsWhichOthersDoEachTask) {
  const std::map<std::string, std::vector<std::string>> expected = {
      {"text-to-image", {"sd1"}}, {"sdedit", {"sd1"}},          {"inpaint", {"inpaint9", "sd1"}},
      {"instruct", {"pix2pix"}},  {"concat-sr", {"concat-sr"}}, {"x4", {"x4"}}};
  for (const auto& [task, models] : expected) {
    std::vector<std::string> running;
    for (const char* name : {"concat-sr", "inpaint9", "pix2pix", "sd1", "x4"})
      if (faults(golden_models() / name, task.c_str()) == "runs") running.push_back(name);
    EXPECT_EQ(running, models) << task;
  }
  EXPECT_THAT(faults(golden_models() / "concat-sr", "inpaint"),
              HasSubstr("expected 4 or 9 for inpaint"));
}

TEST(CheckRunsOnReferences, TellsEverythingThatKeepsAnUpscalerFromDrawingFromText) {
  const std::string text = faults(golden_models() / "x4");

  EXPECT_THAT(text, HasSubstr("x4/model_index.json: the pipeline StableDiffusionUpscalePipeline is "
                              "for super-resolution; expected for text-to-image "
                              "StableDiffusionPipeline, StableDiffusionImg2ImgPipeline or "
                              "StableDiffusionInpaintPipeline"));
  EXPECT_THAT(text,
              HasSubstr("x4/unet/config.json.in_channels: the U-Net takes 7 channels, as models "
                        "for super-resolution (latents and a small picture) do; expected 4 for "
                        "text-to-image, the autoencoder's latent_channels being 4"));
  EXPECT_THAT(text, HasSubstr("x4/unet/config.json.num_class_embeds: the U-Net asks for a class"));
}

TEST(CheckRunsOnReferences, TellsEverythingThatKeepsSdxlFromRunning) {
  const std::string text = faults(golden_models() / "sdxl");

  EXPECT_THAT(text,
              AllOf(HasSubstr("StableDiffusionXLPipeline is for text-to-image with two text "
                              "encoders and sizes beside the prompt"),
                    HasSubstr("unet/config.json.addition_embed_type: the U-Net asks for sizes"),
                    HasSubstr("the text encoder's states are 24 wide")));
}

// Exactly those for which AutoPipelineForText2Image makes StableDiffusionPipeline.
TEST_F(CheckRuns, TakesThePipelineClassesThatDiffusersDrawsFromTextWith) {
  std::ifstream in(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/model_checks.json");
  const Json golden = Json::parse(in);
  ASSERT_GT(golden.at("pipelines").size(), 100U);
  for (const auto& [name, draws] : golden.at("pipelines").items()) {
    set("model_index.json", "_class_name", name);
    const std::string text = faults(folder_);
    EXPECT_EQ(text == "runs", !draws.is_null()) << name << ": " << text;
    if (draws.is_null()) {
      EXPECT_THAT(text, HasSubstr("the pipeline " + name)) << text;
    }
  }
}

TEST_F(CheckRuns, NamesWhatAModelOfOtherChannelsIsFor) {
  const std::pair<int, const char*> cases[] = {
      {9, "9 channels, as models for inpainting (latents, a mask and a masked picture) do"},
      {8, "8 channels, as models for editing by instructions or super-resolution"},
      {7, "7 channels, as models for super-resolution (latents and a small picture) do"},
      {5, "5 channels, as models for pictures from depth (latents and a depth map) do"},
      {11, "the U-Net takes 11 channels; expected 4"}};
  for (const auto& [channels, words] : cases) {
    set("unet/config.json", "in_channels", channels);
    EXPECT_THAT(faults(folder_), HasSubstr(words));
  }
}

TEST_F(CheckRuns, ComparesTheNetworksWithEachOther) {
  set("unet/config.json", "out_channels", 8);
  set("vae/config.json", "out_channels", 1);
  set("text_encoder/config.json", "hidden_size", 48);

  EXPECT_THAT(faults(folder_),
              AllOf(HasSubstr("the U-Net gives 8 channels"),
                    HasSubstr("vae/config.json.out_channels: the autoencoder gives pictures of 1"),
                    HasSubstr("the text encoder's states are 48 wide")));
}

// StableDiffusionPipeline loads such folders and leaves those members alone; what has no class, or
// says that a part is absent, loads nowhere.
TEST_F(CheckRuns, TakesMembersBesideTheUsualOnesAsDiffusersDoes) {
  std::ifstream in(std::string(ISOCOST_SOURCE_DIR) + "/tests/golden/model_checks.json");
  const Json golden = Json::parse(in);
  std::ifstream index(folder_ / "model_index.json");
  const Json before = Json::parse(index);
  for (const Json& item : golden.at("members")) {
    edit("model_index.json", [&](Json& json) {
      json = before;
      json.update(item.at("member"));
      if (json.at("_class_name").is_null()) json.erase("_class_name");
    });
    const std::string text = faults(folder_);
    EXPECT_EQ(text == "runs", item.at("loads") == true) << item << text;
  }
}

TEST_F(CheckRuns, NamesComponentsOfOtherKinds) {
  set("model_index.json", "text_encoder", {"transformers", "T5EncoderModel"});
  set("model_index.json", "tokenizer", {"transformers", "T5Tokenizer"});
  set("model_index.json", "vae", {"diffusers", "AutoencoderTiny"});
  set("model_index.json", "unet", "UNet2DConditionModel");

  EXPECT_THAT(
      faults(folder_),
      AllOf(HasSubstr("model_index.json.text_encoder: this is a T5EncoderModel; expected a "
                      "CLIPTextModel"),
            HasSubstr("model_index.json.tokenizer: this is a T5Tokenizer; expected a CLIPTokenizer "
                      "or CLIPTokenizerFast"),
            HasSubstr("model_index.json.vae: this is a AutoencoderTiny; expected a AutoencoderKL"),
            HasSubstr("model_index.json.unet: this is \"UNet2DConditionModel\"; expected a library "
                      "and a class")));
}

TEST_F(CheckRuns, NamesEveryPartThatIsMissing) {
  fs::remove_all(folder_ / "tokenizer");
  fs::remove_all(folder_ / "scheduler");
  fs::remove(folder_ / "model_index.json");
  fs::remove_all(folder_ / "vae");

  EXPECT_THAT(faults(folder_),
              AllOf(HasSubstr("there is no tokenizer"), HasSubstr("there is no scheduler"),
                    HasSubstr("there is no vae"), Not(HasSubstr("there is no unet"))));
}

// Without model_index.json nobody says which parts are meant: none may be left over.
TEST_F(CheckRuns, LeavesNoPartOverWithoutAnIndex) {
  fs::remove(folder_ / "model_index.json");
  EXPECT_EQ(faults(folder_), "runs");

  fs::create_directory(folder_ / "text_encoder_2");
  fs::create_directory(folder_ / "tokenizer_2");
  fs::create_directory(folder_ / "low_res_scheduler");
  set("text_encoder/config.json", "model_type", "t5");
  set("tokenizer/tokenizer_config.json", "tokenizer_class", "GPT2Tokenizer");

  EXPECT_THAT(faults(folder_),
              AllOf(HasSubstr("text_encoder_2: there is a second text encoder, which text-to-image "
                              "does not read"),
                    HasSubstr("tokenizer_2: there is a second tokenizer"),
                    HasSubstr("tokenizer/tokenizer_config.json: the tokenizer_class is "
                              "GPT2Tokenizer; expected CLIPTokenizer or CLIPTokenizerFast"),
                    HasSubstr("low_res_scheduler: there is a scheduler of small pictures"),
                    HasSubstr("text_encoder/config.json: the model_type is t5; expected "
                              "clip_text_model")));
}

TEST_F(CheckRuns, AsksForTheSchedulerOfSmallPictures) {
  fs::remove_all(folder_);
  fs::copy(golden_models() / "x4", folder_, fs::copy_options::recursive);
  EXPECT_EQ(faults(folder_, "x4"), "runs");

  fs::remove_all(folder_ / "low_res_scheduler");
  EXPECT_THAT(faults(folder_, "x4"), HasSubstr("there is no low_res_scheduler; expected "
                                               "low_res_scheduler/scheduler_config.json"));

  fs::copy(golden_models() / "x4/low_res_scheduler", folder_ / "low_res_scheduler");
  fs::remove(folder_ / "model_index.json");
  EXPECT_EQ(faults(folder_, "x4"), "runs");
}

TEST_F(CheckRuns, RefusesAClassThatIsNoName) {
  set("model_index.json", "_class_name", Json::array({"my_pipeline", "MyPipeline"}));
  EXPECT_THAT(faults(folder_), HasSubstr("its pipeline is a program of its own"));

  set("model_index.json", "_class_name", 5);
  EXPECT_THAT(faults(folder_), HasSubstr("its _class_name is 5"));
}

TEST_F(CheckRuns, NamesUnknownKeysByFile) {
  set("unet/config.json", "motion_max_length", 32);
  set("scheduler/scheduler_config.json", "predict_epsilon", true);
  set("model_index.json", "force_zeros_for_empty_prompt", true);

  const auto model = ModelFolder::open(folder_);

  ASSERT_TRUE(model) << model.error().message();
  using Keys = std::vector<std::string>;
  EXPECT_THAT(model->unknown_keys(),
              ::testing::ElementsAre(
                  std::pair("model_index.json", Keys{"force_zeros_for_empty_prompt"}),
                  std::pair("unet/config.json", Keys{"motion_max_length"}),
                  std::pair("scheduler/scheduler_config.json", Keys{"predict_epsilon"})));
  EXPECT_EQ(faults(folder_), "runs");
}

// What diffusers itself wrote has none.
TEST(UnknownKeys, AreNoneInTheReferences) {
  for (const char* name :
       {"bk-base", "bk-tiny", "clip", "groups32", "sd1", "sd2", "vae-no-quant"}) {
    const auto model = ModelFolder::open(golden_models() / name);
    ASSERT_TRUE(model) << model.error().message();
    for (const auto& [file, keys] : model->unknown_keys())
      ADD_FAILURE() << name << "/" << file << ": " << keys.front();
  }
}

}  // namespace
}  // namespace isocost::arch

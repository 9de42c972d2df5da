#include "model_folder/model_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace isocost::arch {
namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(ISOCOST_SOURCE_DIR) / "tests/golden/models" / name;
}

class ModelFolderOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("isocost-model-folder-" + std::to_string(::getpid()) + "-" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::copy(golden("bk-tiny"), folder_, fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ / file) << text;
  }

  fs::path folder_;
};

TEST(ModelFolder, DescribesAPipeline) {
  const auto model = ModelFolder::open(golden("bk-tiny"));

  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->pipeline_class, "StableDiffusionPipeline");
  EXPECT_EQ(summarize_unet(model->unet->config, model->default_call()).parameters(), 146436U);
  EXPECT_EQ(summarize_vae(model->vae->config, {}, VaeHalf::kDecode).parameters(), 15223U);
  EXPECT_EQ(model->unet->weights.files.size(), 1U);
  EXPECT_TRUE(model->tokenizer.has_value());
  EXPECT_TRUE(model->scheduler_config.is_object());
}

TEST(ModelFolder, FindsShardsAndLoneVariants) {
  const auto sharded = ModelFolder::open(golden("x4"));
  const auto variant = ModelFolder::open(golden("sdxl"));

  ASSERT_TRUE(sharded) << sharded.error().message();
  EXPECT_EQ(sharded->unet->weights.files.size(), 7U);
  ASSERT_TRUE(variant) << variant.error().message();
  EXPECT_NE(variant->unet->weights.files.front().string().find(".fp16."), std::string::npos);
}

TEST(ModelFolder, DescribesAClipFolderAndALoneAutoencoder) {
  const auto clip = ModelFolder::open(golden("clip"));
  const auto vae = ModelFolder::open(golden("vae-no-quant"));

  ASSERT_TRUE(clip) << clip.error().message();
  EXPECT_EQ(summarize_clip(clip->clip->config).parameters(), 74369U);
  ASSERT_TRUE(vae) << vae.error().message();
  EXPECT_FALSE(vae->unet.has_value());
}

TEST(ModelFolder, RefusesAFolderWithoutAModel) {
  EXPECT_FALSE(ModelFolder::open(fs::temp_directory_path() / "isocost-no-such-folder"));
  EXPECT_FALSE(ModelFolder::open(fs::path(ISOCOST_SOURCE_DIR) / "cmake"));
}

TEST_F(ModelFolderOnDisk, NamesTheFaultsOfAllComponentsAtOnce) {
  write("unet/config.json", R"({"block_out_channels": "wide"})");
  write("vae/config.json", R"({"latent_channels": 0})");
  fs::remove(folder_ / "text_encoder/config.json");

  const auto model = ModelFolder::open(folder_);

  ASSERT_FALSE(model);
  const auto text = model.error().message();
  for (const char* part : {"block_out_channels", "latent_channels", "text_encoder"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(ModelFolderOnDisk, NamesAMissingWeightFile) {
  fs::remove(folder_ / "vae/diffusion_pytorch_model.safetensors");

  const auto model = ModelFolder::open(folder_);

  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message().find("vae/diffusion_pytorch_model.safetensors"),
            std::string::npos);
}

// diffusers' DPMSolverMultistepScheduler saves this member so.
TEST_F(ModelFolderOnDisk, ReadsTheInfinitiesThatPythonWrites) {
  write("scheduler/scheduler_config.json",
        R"({"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity})");

  const auto model = ModelFolder::open(folder_);

  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->scheduler_config.at("lambda_min_clipped"), "-Infinity");
}

// As diffusers' pipelines do.
TEST_F(ModelFolderOnDisk, TakesAVariantOfTheComponentsThatHaveItAndTheOthersPlain) {
  fs::copy(folder_ / "unet/diffusion_pytorch_model.safetensors",
           folder_ / "unet/diffusion_pytorch_model.fp16.safetensors");

  const auto model = ModelFolder::open(folder_, "fp16");

  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->unet->weights.variant, "fp16");
  EXPECT_EQ(model->unet->weights.files.front().filename(),
            "diffusion_pytorch_model.fp16.safetensors");
  EXPECT_EQ(model->vae->weights.variant, "");
  EXPECT_EQ(ModelFolder::open(folder_)->unet->weights.variant, "");
}

TEST_F(ModelFolderOnDisk, RefusesAVariantThatNoComponentHas) {
  fs::copy(folder_ / "vae/diffusion_pytorch_model.safetensors",
           folder_ / "vae/diffusion_pytorch_model.fp16.safetensors");

  const auto model = ModelFolder::open(folder_, "bf16");

  ASSERT_FALSE(model);
  EXPECT_NE(
      model.error().message().find("no component has the variant 'bf16'; expected one of: fp16"),
      std::string::npos)
      << model.error().message();
  EXPECT_FALSE(ModelFolder::open(folder_, "../fp16"));
}

TEST_F(ModelFolderOnDisk, RefusesALoneVariantOfOtherWeights) {
  fs::rename(folder_ / "unet/diffusion_pytorch_model.safetensors",
             folder_ / "unet/diffusion_pytorch_model.non_ema.safetensors");

  EXPECT_FALSE(ModelFolder::open(folder_));
  EXPECT_TRUE(ModelFolder::open(folder_, "non_ema"));
}

TEST_F(ModelFolderOnDisk, TakesNoBrokenLinkForAnAbsentFile) {
  for (const char* name : {"model_index.json", "scheduler/scheduler_config.json",
                           "tokenizer/special_tokens_map.json", "vae/config.json"}) {
    fs::rename(folder_ / name, folder_ / "kept");
    fs::create_symlink("gone", folder_ / name);

    const auto model = ModelFolder::open(folder_);

    ASSERT_FALSE(model) << name;
    EXPECT_NE(model.error().message().find("a link to gone, which is missing"), std::string::npos)
        << model.error().message();
    fs::remove(folder_ / name);
    fs::rename(folder_ / "kept", folder_ / name);
  }
  EXPECT_TRUE(ModelFolder::open(folder_));
}

TEST_F(ModelFolderOnDisk, ChecksWeightsByTheirHeadersAlone) {
  const auto fault = [&] {
    const auto model = ModelFolder::open(folder_);
    const auto checked = model ? model->check_weights() : Result<void>(fail(model.error()));
    return checked ? "no fault" : checked.error().message();
  };
  EXPECT_EQ(fault(), "no fault");

  fs::copy(golden("sd2") / "unet/diffusion_pytorch_model.safetensors",
           folder_ / "unet/diffusion_pytorch_model.safetensors",
           fs::copy_options::overwrite_existing);
  write("vae/diffusion_pytorch_model.safetensors",
        "version https://git-lfs.github.com/spec/v1\noid sha256:77\nsize 3\n");
  const std::string text = fault();

  EXPECT_NE(text.find("has shape [8, 40]; expected [8, 24]"), std::string::npos) << text;
  EXPECT_NE(text.find("more such faults"), std::string::npos) << text;
  EXPECT_NE(text.find("a Git LFS pointer"), std::string::npos) << text;
}

TEST(ModelFolder, HasWeightsThatFitInEveryReferenceModel) {
  for (const char* name : {"bk-base", "bk-tiny", "clip", "groups32", "sd1", "sd2", "sdxl", "x4",
                           "vae-four-blocks", "vae-no-quant", "vae-old-conv", "vae-old-keys"}) {
    const auto model = ModelFolder::open(golden(name));
    ASSERT_TRUE(model) << model.error().message();

    const auto checked = model->check_weights();

    EXPECT_TRUE(checked) << checked.error().message();
  }
}

TEST_F(ModelFolderOnDisk, NamesNumbersThatNoConfigurationHas) {
  for (const char* number : {"-Infinity", "NaN", "1e999", "-1"}) {
    write("unet/config.json", std::string("{\"mid_block_scale_factor\": ") + number + "}");

    const auto model = ModelFolder::open(folder_);

    ASSERT_FALSE(model) << number;
    EXPECT_NE(model.error().message().find(number), std::string::npos) << model.error().message();
  }
}

TEST_F(ModelFolderOnDisk, RefusesAnIndexThatLeavesTheFolder) {
  fs::remove(folder_ / "unet/diffusion_pytorch_model.safetensors");
  write("unet/diffusion_pytorch_model.safetensors.index.json",
        R"({"weight_map": {"a": "../../etc/passwd"}})");

  EXPECT_FALSE(ModelFolder::open(folder_));
}

}  // namespace
}  // namespace isocost::arch

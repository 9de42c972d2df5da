#include "experiments/grid/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/process.h"

namespace isocost::experiments {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Catalog, ListsWhatAPatternMatchesWithNumbersByTheirValue) {
  const isocost::testing::ScratchFolder folder;
  for (const char* name : {"w16", "w8", "w100", "notes"})
    fs::create_directories(folder / name / "unet");
  fs::create_directories(folder / "w9");  // no model

  const auto found = disk_catalog(folder.path())->models("w*", "g.yaml");

  ASSERT_TRUE(found) << found.error().message();
  EXPECT_THAT(*found, ElementsAre("w8", "w16", "w100"));
}

TEST(Catalog, SaysWhichPatternMatchesNothing) {
  const isocost::testing::ScratchFolder folder;

  const auto found = disk_catalog(folder.path())->models("models/x*", "g.yaml:3:5");

  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message(),
            "g.yaml:3:5: the pattern 'models/x*' matches no model folder; expected a folder with "
            "unet/ in it");
}

// What web UIs have: a file a model.
TEST(Catalog, SaysHowToConvertCheckpointsThatAreOneFile) {
  const isocost::testing::ScratchFolder folder;
  isocost::testing::write_text(folder / "dream.ckpt", "a pickle");
  const auto catalog = disk_catalog(folder.path());

  const auto matched = catalog->models("*.ckpt", "g.yaml:3:5");
  const auto named = catalog->model("dream.ckpt", "", {"text-to-image"}, "g.yaml:3:5");

  ASSERT_FALSE(matched);
  ASSERT_FALSE(named);
  for (const std::string& said : {matched.error().message(), named.error().message()}) {
    EXPECT_THAT(said, HasSubstr("g.yaml:3:5: " + (folder / "dream.ckpt").string() +
                                ": this is a checkpoint in one file"));
    EXPECT_THAT(said, HasSubstr("from_single_file(sys.argv[1]).save_pretrained(sys.argv[2])"));
  }
  // Beside the folders that were made of them they are left out.
  fs::create_directories(folder / "dream/unet");
  EXPECT_THAT(*catalog->models("*", "g.yaml"), ElementsAre("dream"));
}

// A model of a pattern whose U-Net is a link to nothing was left out in silence once.
TEST(Catalog, LeavesNoModelOutWhoseUNetIsABrokenLink) {
  const isocost::testing::ScratchFolder folder;
  fs::create_directories(folder / "a/unet");
  fs::create_directories(folder / "b");
  fs::create_symlink("gone", folder / "b/unet");

  const auto found = disk_catalog(folder.path())->models("*", "g.yaml:3:5");

  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message(), HasSubstr("b/unet: this is a link to gone"));
}

class CatalogOnDisk : public ::testing::Test {
 protected:
  CatalogOnDisk() : catalog_(disk_catalog(folder_.path())) {
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    fs::copy(golden("bk-tiny"), folder_ / "m", fs::copy_options::recursive);
  }
  static fs::path golden(const std::string& name) {
    return fs::path(ISOCOST_SOURCE_DIR) / "tests/golden/models" / name;
  }
  std::string fault_of_model(const std::string& variant = "") {
    const auto model = catalog_->model("m", variant, {}, "g.yaml:3:5");
    return model ? "no fault" : model.error().message();
  }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    isocost::testing::write_text(folder_ / name, text);
  }

  isocost::testing::ScratchFolder folder_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogOnDisk, LooksIntoWeightsBeforeAnythingRuns) {
  EXPECT_EQ(fault_of_model(), "no fault");

  write("m/unet/diffusion_pytorch_model.safetensors",
        "version https://git-lfs.github.com/spec/v1\noid sha256:77\nsize 3\n");
  fs::copy(golden("sd2") / "vae/diffusion_pytorch_model.safetensors",
           folder_ / "m/vae/diffusion_pytorch_model.safetensors",
           fs::copy_options::overwrite_existing);
  const std::string fault = fault_of_model();

  EXPECT_THAT(fault, HasSubstr("g.yaml:3:5: " + (folder_ / "m/unet").string() +
                               "/diffusion_pytorch_model.safetensors: this is a Git LFS pointer"));
  EXPECT_THAT(fault, HasSubstr("git lfs pull"));
  EXPECT_THAT(fault, HasSubstr("m/vae: the tensor"));
}

TEST_F(CatalogOnDisk, RefusesPartsThatDoNotFitEachOther) {
  fs::remove_all(folder_ / "m/text_encoder");
  fs::copy(golden("sd2") / "text_encoder", folder_ / "m/text_encoder", fs::copy_options::recursive);
  EXPECT_THAT(fault_of_model(), HasSubstr("the U-Net's cross_attention_dim"));

  fs::remove_all(folder_ / "m/text_encoder");
  fs::copy(golden("bk-tiny") / "text_encoder", folder_ / "m/text_encoder",
           fs::copy_options::recursive);
  write("m/tokenizer/added_tokens.json", R"({"<cat-toy>": 562})");
  EXPECT_THAT(fault_of_model(), HasSubstr("562, of the added token '<cat-toy>'"));
}

// What keeps a model from running is told beside what is wrong with its files.
TEST_F(CatalogOnDisk, TellsAllThatKeepsAModelFromRunning) {
  fs::remove_all(folder_ / "m");
  fs::copy(golden("sdxl"), folder_ / "m", fs::copy_options::recursive);
  write("m/vae/diffusion_pytorch_model.fp16.safetensors", "<html></html>");
  write("m/text_encoder/config.json", R"({"use_attention_mask": true})");
  fs::remove_all(folder_ / "m/tokenizer");

  const std::string fault = fault_of_model();

  const std::string at = "g.yaml:3:5: " + (folder_ / "m").string();
  for (const char* part :
       {"/model_index.json: the pipeline StableDiffusionXLPipeline is for text-to-image with two",
        "/text_encoder/config.json.use_attention_mask: this is true", ": there is no tokenizer",
        "/vae/diffusion_pytorch_model.fp16.safetensors: this is an HTML page"})
    EXPECT_THAT(fault, HasSubstr(at + part));
}

// A network whose configuration cannot be read is there all the same.
TEST_F(CatalogOnDisk, TellsAFoldersFaultsBesideThoseOfAConfiguration) {
  write("m/unet/config.json", R"({"class_embed_type": "timestep", "in_channels": 9})");
  write("m/model_index.json", R"({"_class_name": "StableDiffusionXLPipeline"})");

  const std::string fault = fault_of_model();

  EXPECT_THAT(fault, ::testing::AllOf(HasSubstr("unet/config.json.class_embed_type"),
                                      HasSubstr("the pipeline StableDiffusionXLPipeline"),
                                      ::testing::Not(HasSubstr("there is no unet"))));
  fs::remove_all(folder_ / "m");
  fs::create_directory(folder_ / "m");
  EXPECT_THAT(fault_of_model(), ::testing::Not(HasSubstr("\n")));
}

// A grid whose kind of task is none is told what its models lack all the same.
TEST_F(CatalogOnDisk, LooksAtModelsForTasksThatAreNone) {
  fs::remove_all(folder_ / "m/vae");

  const auto model = catalog_->model("m", "", {"text-to-vide"}, "g.yaml");

  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message(), HasSubstr("m/vae/config.json: the file is missing"));
  write("m/model_index.json", R"({"_class_name": "StableDiffusionPipeline"})");
  EXPECT_THAT(fault_of_model(), HasSubstr("there is no vae"));
}

TEST_F(CatalogOnDisk, NotesKeysThatNothingReads) {
  write("m/model_index.json",
        R"({"_class_name": "StableDiffusionPipeline", "force_zeros_for_empty_prompt": true})");

  const auto model = catalog_->model("m", "", {"text-to-image"}, "g.yaml");

  ASSERT_TRUE(model) << model.error().message();
  EXPECT_THAT(
      model->notes,
      ElementsAre("model_index.json has force_zeros_for_empty_prompt: neither read here nor "
                  "known to be without effect"));
}

TEST_F(CatalogOnDisk, KeepsAModelsInputsWhenOthersLieBesideThem) {
  const auto before = catalog_->model("m", "", {}, "g.yaml")->inputs;
  fs::copy(folder_ / "m/unet/diffusion_pytorch_model.safetensors",
           folder_ / "m/unet/diffusion_pytorch_model.fp16.safetensors");
  write("m/unet/diffusion_pytorch_model.non_ema.safetensors", "other weights");

  EXPECT_EQ(catalog_->model("m", "", {}, "g.yaml")->inputs, before);
  const auto halves = catalog_->model("m", "fp16", {}, "g.yaml");
  ASSERT_TRUE(halves) << halves.error().message();
  EXPECT_NE(halves->inputs.at("unet"), before.at("unet"));
  EXPECT_EQ(halves->inputs.at("vae"), before.at("vae"));
}

TEST_F(CatalogOnDisk, CountsTheTokensOfPrompts) {
  const auto model = catalog_->model("m", "", {}, "g.yaml");

  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->prompt_tokens_max, 75U);
  EXPECT_EQ(model->prompt_tokens("a photo of a cat"), 5U);
}

TEST_F(CatalogOnDisk, LooksAtExtractorsAndData) {
  const auto fault = [](const auto& found) { return found ? "no fault" : found.error().message(); };
  const fs::path npz = fs::path(ISOCOST_SOURCE_DIR) / "tests/golden/npz/stored.npz";
  fs::copy(npz, folder_ / "weights.pt");
  fs::copy(golden("clip"), folder_ / "clip", fs::copy_options::recursive);
  write("refs/a.png", "broken");
  write("refs/b.png", "broken too");
  write("deep/sub/c.png", "x");
  write("pointer.npz", "version https://git-lfs.github.com/spec/v1\n");

  EXPECT_THAT(fault(catalog_->extractor("torchscript", "weights.pt", "g.yaml:9:5")),
              HasSubstr("g.yaml:9:5: " + (folder_ / "weights.pt").string() +
                        ": this is a state_dict or another pickle of torch.save"));
  EXPECT_EQ(fault(catalog_->extractor("clip", "clip", "g.yaml:9:5")), "no fault");
  EXPECT_THAT(fault(catalog_->extractor("clip-features", "m", "g.yaml:9:5")),
              HasSubstr("this is no CLIP folder"));
  write("clip/model.safetensors", "<html></html>");
  EXPECT_THAT(fault(catalog_->extractor("clip", "clip", "g.yaml:9:5")),
              HasSubstr("this is an HTML page"));
  EXPECT_THAT(fault(catalog_->pictures("refs", "g.yaml:9:5")),
              ::testing::AllOf(HasSubstr("a.png: "), HasSubstr("b.png: ")));
  EXPECT_THAT(fault(catalog_->pictures("deep", "g.yaml:9:5")),
              HasSubstr("no picture is at the top of this folder; 1 is in its sub-folders"));
  EXPECT_THAT(fault(catalog_->statistics("pointer.npz", "g.yaml:9:5")), HasSubstr("git lfs pull"));
}

TEST_F(CatalogOnDisk, LooksAtNetworksOfPictures) {
  const auto fault = [](const auto& found) { return found ? "no fault" : found.error().message(); };
  fs::copy(fs::path(ISOCOST_SOURCE_DIR) / "tests/golden/picture_metrics/vit", folder_ / "vit");
  fs::copy(golden("clip"), folder_ / "clip", fs::copy_options::recursive);

  const auto features = catalog_->extractor("vit-features", "vit", "g.yaml:9:5");
  ASSERT_TRUE(features) << features.error().message();
  EXPECT_EQ(features->columns, 16);
  EXPECT_EQ(catalog_->extractor("vit-to-source", "vit", "g.yaml:9:5")->columns, 1);
  EXPECT_EQ(catalog_->extractor("clip-whole", "clip", "g.yaml:9:5")->columns, 24);
  EXPECT_EQ(catalog_->extractor("clip-direction", "clip", "g.yaml:9:5")->columns, 1);
  EXPECT_THAT(fault(catalog_->extractor("perceptual", "vit", "g.yaml:9:5")),
              HasSubstr("this is no network of LPIPS"));
  write("lpips/config.json",
        R"({"_class_name": "IsocostPerceptualNetwork", "net": "alex", "version": "0.1"})");
  EXPECT_THAT(fault(catalog_->extractor("perceptual", "lpips", "g.yaml:9:5")),
              HasSubstr("model.safetensors"));
  fs::copy(folder_ / "vit/model.safetensors", folder_ / "lpips/model.safetensors");
  EXPECT_THAT(fault(catalog_->extractor("perceptual", "lpips", "g.yaml:9:5")),
              HasSubstr("features.0.weight"));
  write("vit/config.json", R"({"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 3,
                               "num_attention_heads": 2, "intermediate_size": 32})");
  EXPECT_THAT(fault(catalog_->extractor("vit-features", "vit", "g.yaml:9:5")),
              HasSubstr("vit.encoder.layers.2."));
}

}  // namespace
}  // namespace isocost::experiments

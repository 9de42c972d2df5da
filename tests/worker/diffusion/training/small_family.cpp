#include "tests/worker/diffusion/training/small_family.h"

#include "base/io/atomic_file.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/tokenizer_training.h"

namespace isocost::diffusion {

Recipe shipped_recipe(const std::string& name) {
  auto recipe = read_recipe(std::string(ISOCOST_SOURCE_DIR) + "/experiments/mini/recipes/" + name);
  EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().message());
  return *recipe;
}

Recipe shrunk(const std::string& name, std::int64_t steps) {
  auto recipe = shipped_recipe(name);
  recipe.pictures = 12;
  recipe.steps = steps;
  recipe.batch = 3;
  recipe.warmup = 1;
  recipe.decay = -1;
  recipe.snapshots.clear();
  if (recipe.part == "unet") recipe.config["block_out_channels"] = {8, 8, 8};
  if (recipe.part == "autoencoder") recipe.config["block_out_channels"] = {4, 4, 8, 8};
  return recipe;
}

void write_family(const std::filesystem::path& family) {
  const auto vae_recipe = shrunk("vae.json", 1);
  EXPECT_TRUE(train_tokenizer(shipped_recipe("tokenizer.json"), family));
  at::manual_seed(3);
  Autoencoder vae(arch::vae_config_from_json(vae_recipe.config, "vae").value());
  write_model(*vae, {family / "models/shared/vae", "diffusion_pytorch_model", vae_recipe.config});
  write_text_encoder(family, 5);
}

void write_text_encoder(const std::filesystem::path& family, std::uint64_t seed) {
  const auto text_recipe = shrunk("text.json", 1);
  at::manual_seed(seed);
  ClipText text(arch::clip_text_config_from_json(text_recipe.config, "text").value());
  write_model(*text, {family / "models/shared/text_encoder", "model", text_recipe.config},
              [](const std::string& name) { return name.starts_with("text_model."); });
}

void write_member(const std::filesystem::path& family, const std::string& name,
                  std::uint64_t seed) {
  const auto recipe = shrunk("w16.json", 1);
  at::manual_seed(seed);
  UNet unet(arch::unet_config_from_json(recipe.config, "unet").value());
  write_model(*unet, {family / "models" / name / "unet", "diffusion_pytorch_model", recipe.config});
  write_pipeline(family, name, {{}, "StableDiffusionPipeline"});
}

void FamilyTest::SetUp() {
  at::set_num_threads(1);
  if (folder_) return;
  folder_ = std::make_unique<isocost::testing::TemporaryFolder>();
  write_family(places().family);
  write_member(places().family, "w16", 4);
}

std::string FamilyTest::fault_of(const Recipe& recipe) {
  const auto training = make_unet_training(recipe, places());
  return training ? "no fault" : training.error().message();
}

std::string FamilyTest::weights(const std::string& name) {
  return io::read_file(places().family / "models" / name /
                       "unet/diffusion_pytorch_model.safetensors")
      .value_or("");
}

}  // namespace isocost::diffusion

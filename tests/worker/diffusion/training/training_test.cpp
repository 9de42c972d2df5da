#include <gmock/gmock.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>

#include <array>
#include <tuple>

#include "base/io/atomic_file.h"
#include "experiments/world/mini_folder.h"
#include "tests/base/io/temporary_folder.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/training/loop.h"
#include "worker/diffusion/training/optimizer.h"
#include "worker/diffusion/training/pictures.h"
#include "worker/diffusion/training/tokenizer_training.h"

namespace isocost::diffusion {
namespace {

using experiments::mini_folder;
using isocost::testing::TemporaryFolder;

Recipe read(const std::string& name) {
  auto recipe = read_recipe(std::string(ISOCOST_SOURCE_DIR) + "/experiments/mini/recipes/" + name);
  EXPECT_TRUE(recipe) << (recipe ? "" : recipe.error().message());
  return *recipe;
}

// The shipped recipe, on so little that it takes seconds.
Recipe small_autoencoder(const std::string& name = "vae.json") {
  auto recipe = read(name);
  recipe.pictures = 16;
  recipe.steps = 20;
  recipe.batch = 2;
  recipe.warmup = 5;
  recipe.config["block_out_channels"] = {4, 4, 8, 8};
  return recipe;
}

std::string weights_after(const Recipe& recipe, const TemporaryFolder& folder,
                          const std::vector<std::int64_t>& stops) {
  for (const auto stop : stops) {
    const TrainingPlaces places{folder / "family", folder / "cache"};
    auto task = make_autoencoder_training(recipe, places);
    EXPECT_TRUE(task);
    LoopOptions options;
    options.out = folder / "out";
    options.stop_after = stop;
    const auto note = train(recipe, **task, options);
    EXPECT_TRUE(note) << (note ? "" : note.error().message());
  }
  return io::read_file(folder / "family/models/shared/vae/diffusion_pytorch_model.safetensors")
      .value_or("");
}

TEST(Training, ResumingGivesTheSameBitsAsRunningThrough) {
  at::set_num_threads(1);
  const TemporaryFolder through, resumed;
  const auto recipe = small_autoencoder();

  const auto at_once = weights_after(recipe, through, {-1});
  const auto in_parts = weights_after(recipe, resumed, {7, 15, -1});

  EXPECT_FALSE(at_once.empty());
  EXPECT_EQ(at_once, in_parts);
}

TEST(Training, RefusesTheCheckpointOfAnotherRecipe) {
  const TemporaryFolder folder;
  auto recipe = small_autoencoder();
  (void)weights_after(recipe, folder, {2});
  recipe.learning_rate *= 2;
  auto task = make_autoencoder_training(recipe, {folder / "family", folder / "cache"});
  LoopOptions options;
  options.out = folder / "out";

  const auto note = train(recipe, **task, options);

  ASSERT_FALSE(note);
  EXPECT_THAT(note.error().message(), ::testing::HasSubstr("another recipe"));
}

// It takes the place of what it began with: called again it would be trained a third time.
TEST(Training, ASecondStageDoesNotGoOnFromItself) {
  const TemporaryFolder folder;
  (void)weights_after(small_autoencoder(), folder, {-1});
  std::filesystem::remove_all(folder / "out");
  auto recipe = small_autoencoder("vae-2.json");
  const auto finished = weights_after(recipe, folder, {3, -1});

  EXPECT_EQ(weights_after(recipe, folder, {-1}), finished) << "with its state it ends as before";
  std::filesystem::remove_all(folder / "out");
  auto task = make_autoencoder_training(recipe, {folder / "family", folder / "cache"});
  ASSERT_TRUE(task);
  LoopOptions options;
  options.out = folder / "out";
  const auto note = train(recipe, **task, options);

  ASSERT_FALSE(note);
  EXPECT_THAT(note.error().message(), ::testing::HasSubstr("would be trained further"));
  EXPECT_EQ(io::read_file(folder / "family/models/shared/vae/diffusion_pytorch_model.safetensors")
                .value_or(""),
            finished);
}

TEST(Training, ClipReadsPicturesOfTheWorldsSize) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "models");
  std::filesystem::copy(mini_folder() / "models/shared", folder / "models/shared",
                        std::filesystem::copy_options::recursive);
  auto recipe = read("clip.json");
  recipe.pictures = 4;
  EXPECT_TRUE(make_clip_training(recipe, {folder.path(), folder / "cache"}));
  recipe.config["vision_config"].erase("image_size");

  const auto training = make_clip_training(recipe, {folder.path(), folder / "cache"});

  ASSERT_FALSE(training);
  EXPECT_THAT(training.error().message(),
              ::testing::HasSubstr("image_size: this is 224; expected 64"));
}

TEST(Training, TheFinishedAutoencoderLoads) {
  const TemporaryFolder folder;
  (void)weights_after(small_autoencoder(), folder, {-1});

  const auto vae = load_autoencoder(folder / "family/models/shared/vae");

  ASSERT_TRUE(vae) << vae.error().message();
  EXPECT_GT((*vae)->config.scaling_factor, 0);
}

TEST(Training, TheAverageFollowsItsFormula) {
  torch::nn::Linear layer(torch::nn::LinearOptions(1, 1).bias(false));
  {
    const at::NoGradGuard no_grad;
    layer->weight.fill_(1.0);
  }
  FlatAdamW optimizer(*layer, {.clip_norm = 0, .ema = 0.5});
  double average = 1.0;

  for (int n = 0; n < 12; ++n) {
    layer->weight.sum().backward();
    optimizer.step(0.1);
    const double keep = std::min(0.5, (n + 1.0) / (n + 10.0));
    average = keep * average + (1 - keep) * layer->weight.item<double>();
  }
  optimizer.swap_average();

  EXPECT_NEAR(layer->weight.item<double>(), average, 1e-6);
}

TEST(Training, StepsAsLibTorchsAdamW) {
  at::manual_seed(1);
  torch::nn::Linear ours(5, 3);
  torch::nn::Linear theirs(5, 3);
  {
    const at::NoGradGuard no_grad;
    theirs->weight.copy_(ours->weight);
    theirs->bias.copy_(ours->bias);
  }
  FlatAdamW optimizer(*ours, {.weight_decay = 0.1, .clip_norm = 0});
  torch::optim::AdamW reference(
      theirs->parameters(),
      torch::optim::AdamWOptions(0.01).betas({0.9, 0.99}).weight_decay(0.1).eps(1e-8));

  for (int n = 0; n < 5; ++n) {
    const auto x = at::randn({4, 5});
    ours(x).square().sum().backward();
    optimizer.step(0.01);
    reference.zero_grad();
    theirs(x).square().sum().backward();
    reference.step();
  }

  EXPECT_TRUE(at::allclose(ours->weight, theirs->weight, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(ours->bias, theirs->bias, 1e-5, 1e-6));
}

TEST(Training, AnInfiniteGradientChangesNoWeight) {
  torch::nn::Linear layer(2, 2);
  FlatAdamW optimizer(*layer, {});
  const auto before = layer->weight.detach().clone();

  (layer->weight.sum() * std::numeric_limits<float>::infinity()).backward();
  optimizer.step(0.1);

  EXPECT_TRUE(at::equal(layer->weight, before));
}

TEST(Training, TheRateRisesThenFalls) {
  Recipe recipe;
  recipe.steps = 100;
  recipe.warmup = 10;
  recipe.learning_rate = 1;
  recipe.final_rate = 0.1;

  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(recipe, 10), 1.0);
  EXPECT_NEAR(learning_rate_at(recipe, 55), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate_at(recipe, 100), 0.1, 1e-12);
}

constexpr std::array kWidths = {16, 24, 32, 48, 68};

TEST(Training, EverySizeGetsTheSameButItsRate) {
  const auto first = read("w16.json");
  for (const int width : kWidths) {
    const auto recipe = read("w" + std::to_string(width) + ".json");
    EXPECT_EQ(recipe.steps, first.steps);
    EXPECT_EQ(recipe.batch, first.batch);
    EXPECT_EQ(recipe.seed, first.seed);
    EXPECT_EQ(recipe.pictures, first.pictures);
    EXPECT_EQ(recipe.warmup, first.warmup);
    EXPECT_EQ(recipe.decay, first.decay);
    EXPECT_EQ(recipe.options, first.options);
    EXPECT_NEAR(recipe.learning_rate, 2e-3 * std::sqrt(16.0 / width), 1e-6);
    auto config = recipe.config;
    config["block_out_channels"] = first.config.at("block_out_channels");
    EXPECT_EQ(config, first.config);
  }
}

// What a network is finetuned with depends on the task alone, and it goes on from its own size.
TEST(Training, EverySizeIsFinetunedTheSameButForItsRate) {
  for (const std::string task : {"sr", "inpaint", "instruct"}) {
    const auto first = read("w16-" + task + ".json");
    for (const int width : kWidths) {
      const auto size = "w" + std::to_string(width);
      if (task != "sr" && (width == 24 || width == 48)) continue;
      const auto base = read(size + ".json"), recipe = read(size + "-" + task + ".json");
      EXPECT_EQ(recipe.name, size + "-" + task);
      EXPECT_EQ(recipe.options.at("from"), size);
      auto options = recipe.options;
      options["from"] = "w16";
      EXPECT_EQ(options, first.options);
      EXPECT_EQ(std::tuple(recipe.steps, recipe.batch, recipe.seed, recipe.pictures, recipe.warmup,
                           recipe.decay, recipe.ema),
                std::tuple(first.steps, first.batch, first.seed, first.pictures, first.warmup,
                           first.decay, first.ema));
      EXPECT_NEAR(recipe.learning_rate, base.learning_rate / 2, 1e-6);
      auto config = recipe.config;
      EXPECT_EQ(config.at("in_channels"), task == "inpaint" ? 17 : 16);
      config["in_channels"] = base.config.at("in_channels");
      EXPECT_EQ(config, base.config);
    }
  }
}

TEST(Training, RecipesNameEveryFault) {
  const auto recipe = recipe_from_json(
      {{"part", "unet"}, {"name", "x"}, {"pictures", 1}, {"stpes", 3}, {"batch", "many"}},
      "r.json");

  ASSERT_FALSE(recipe);
  EXPECT_THAT(recipe.error().message(), ::testing::HasSubstr("stpes"));
  EXPECT_THAT(recipe.error().message(), ::testing::HasSubstr("batch"));
}

TEST(Training, RecipesNameEveryNumberThatIsOutOfRange) {
  const Json good = {{"part", "unet"},  {"name", "x"},       {"pictures", 1U},
                     {"steps", 100},    {"batch", 2},        {"learning_rate", 0.1},
                     {"warmup", 40},    {"decay", 60},       {"snapshots", {1, 99}},
                     {"final_rate", 0}, {"weight_decay", 0}, {"clip_norm", 0}};
  EXPECT_TRUE(recipe_from_json(good, "r.json"));
  auto bad = good;
  bad.update({{"name", "../x"},
              {"warmup", -1},
              {"decay", 101},
              {"snapshots", {0, 100}},
              {"final_rate", -0.5},
              {"weight_decay", -1},
              {"clip_norm", -1}});
  const auto faults = recipe_from_json(bad, "r.json");
  ASSERT_FALSE(faults);
  for (const char* fault :
       {"r.json.name: it is '../x'", "r.json.warmup: this is no part of the steps",
        "r.json.decay: this is no part of the steps", "r.json.snapshots: 0 is no step on the way",
        "r.json.snapshots: 100 is no step on the way", "r.json.final_rate: this is no share",
        "r.json.weight_decay: this is below 0", "r.json.clip_norm: this is below 0"})
    EXPECT_THAT(faults.error().message(), ::testing::HasSubstr(fault));

  const auto fault_with = [&](const Json& change) {
    auto json = good;
    json.update(change);
    const auto recipe = recipe_from_json(json, "r.json");
    return recipe ? "no fault" : recipe.error().message();
  };
  EXPECT_THAT(fault_with({{"decay", 61}}), ::testing::HasSubstr("more than all steps"));
  EXPECT_THAT(fault_with({{"warmup", 101}}), ::testing::HasSubstr("warmup"));
  EXPECT_THAT(fault_with({{"part", "clip"}}), ::testing::HasSubstr("'clip' keeps none"));
  for (const char* name : {"", "a/b", "..", ".hidden", "w16@3"})
    EXPECT_THAT(fault_with({{"name", name}}), ::testing::HasSubstr("r.json.name")) << name;
}

TEST(Training, BatchesDependOnSeedAndStepAlone) {
  const auto one = batch_indices(1, 5, 64, 1000);

  EXPECT_TRUE(at::equal(one, batch_indices(1, 5, 64, 1000)));
  EXPECT_FALSE(at::equal(one, batch_indices(1, 6, 64, 1000)));
  EXPECT_FALSE(at::equal(one, batch_indices(2, 5, 64, 1000)));
  EXPECT_LT(one.max().item<std::int64_t>(), 1000);
}

TEST(TokenizerTraining, EveryWordBecomesOneToken) {
  const std::vector<std::string> captions = {"a red star, a blue heart", "a red heart on sand"};
  const auto vocabulary = learn_vocabulary(captions);
  const CaptionEncoder encoder(vocabulary, 10);

  const auto ids = encoder.encode(captions[1]);

  const std::vector<std::int64_t> expected = {
      vocabulary.ids.at("<|startoftext|>"), vocabulary.ids.at("a</w>"),
      vocabulary.ids.at("red</w>"),         vocabulary.ids.at("heart</w>"),
      vocabulary.ids.at("on</w>"),          vocabulary.ids.at("sand</w>"),
      vocabulary.ids.at("<|endoftext|>"),   vocabulary.ids.at("<|endoftext|>"),
      vocabulary.ids.at("<|endoftext|>"),   vocabulary.ids.at("<|endoftext|>")};
  EXPECT_EQ(ids, expected);
  EXPECT_EQ(vocabulary.ids.size(), 512 + vocabulary.merges.size() + 2);
  EXPECT_EQ(vocabulary.ids.at("!"), 0);
  EXPECT_EQ(vocabulary.ids.at("!</w>"), 256);
}

TEST(TokenizerTraining, UnknownWordsAndLongCaptionsGiveNothing) {
  const CaptionEncoder encoder(learn_vocabulary({"a red star"}), 5);

  EXPECT_TRUE(encoder.encode("a green star").empty());
  EXPECT_TRUE(encoder.encode("a red star a").empty());
  EXPECT_EQ(encoder.encode("").size(), 5U);
}

// Ids that a text encoder has no row for would be an index out of range inside LibTorch.
TEST(TokenizerTraining, CaptionsFitTheTextEncoderThatIsFed) {
  const auto shipped = read_json_file(mini_folder() / "models/shared/text_encoder/config.json");
  ASSERT_TRUE(shipped);
  arch::ClipTextConfig text;
  text.vocab_size = shipped->at("vocab_size");
  text.max_position_embeddings = kTokensMax;
  EXPECT_TRUE(read_caption_encoder(mini_folder(), text));

  text.vocab_size -= 1;
  const auto too_few_rows = read_caption_encoder(mini_folder(), text);
  text.vocab_size += 1;
  text.max_position_embeddings -= 1;
  const auto too_few_positions = read_caption_encoder(mini_folder(), text);

  ASSERT_FALSE(too_few_rows);
  EXPECT_THAT(too_few_rows.error().message(), ::testing::HasSubstr("the text encoder's rows"));
  ASSERT_FALSE(too_few_positions);
  EXPECT_THAT(too_few_positions.error().message(), ::testing::HasSubstr("captions have 20 tokens"));
}

// Another world's tokenizer is told when it is read, and not after minutes.
TEST(TokenizerTraining, EveryWordOfTheWorldMustBeKnown) {
  const TemporaryFolder folder;
  auto recipe = read("tokenizer.json");
  recipe.pictures = 2;
  ASSERT_TRUE(train_tokenizer(recipe, folder.path()));
  arch::ClipTextConfig text;
  text.vocab_size = 10000;

  const auto encoder = read_caption_encoder(folder.path(), text);

  ASSERT_FALSE(encoder);
  EXPECT_THAT(encoder.error().message(),
              ::testing::HasSubstr("this word of the world's captions is missing"));
}

TEST(TokenizerTraining, TheFirstCaptionsHaveEveryWord) {
  const auto shipped = read_json_file(mini_folder() / "models/shared/text_encoder/config.json");
  ASSERT_TRUE(shipped);
  arch::ClipTextConfig text;
  text.vocab_size = shipped->at("vocab_size");
  const auto encoder = read_caption_encoder(mini_folder(), text);
  ASSERT_TRUE(encoder) << encoder.error().message();

  for (const auto split : {world::Split::kTrain, world::Split::kValidation, world::Split::kTest})
    for (std::uint64_t i = 0; i < 3000; ++i) {
      auto scene = world::scene(split, i, 7);
      for (scene.phrasing = 0; scene.phrasing < world::kPhrasings; ++scene.phrasing)
        ASSERT_FALSE(encoder->encode(world::caption(scene)).empty()) << world::caption(scene);
    }
}

TEST(TokenizerTraining, TheShippedTokenizerIsWhatTheRecipeMakes) {
  const TemporaryFolder folder;
  const auto made = train_tokenizer(read("tokenizer.json"), folder.path());
  ASSERT_TRUE(made);

  for (const char* name : {"vocab.json", "merges.txt", "tokenizer_config.json"}) {
    const auto file = std::string("models/shared/tokenizer/") + name;
    EXPECT_EQ(io::read_file(folder.path() / file).value_or("made"),
              io::read_file(mini_folder() / file).value_or("shipped"))
        << name;
  }
}

}  // namespace
}  // namespace isocost::diffusion

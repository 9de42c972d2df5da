// Networks for super-resolution and editing, finetuned from a small text-to-image network: what
// they begin as, what they are shown, what comes out.
#include <gmock/gmock.h>

#include <array>
#include <memory>

#include "base/io/atomic_file.h"
#include "base/io/inputs.h"
#include "experiments/world/edits.h"
#include "schema/samplers/resolve.h"
#include "tests/base/io/temporary_folder.h"
#include "tests/worker/diffusion/training/small_family.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/tasks/pictures.h"
#include "worker/diffusion/training/encoded_world.h"
#include "worker/diffusion/training/family.h"
#include "worker/diffusion/training/loop.h"
#include "worker/diffusion/training/pictures.h"

namespace isocost::diffusion {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Finetuning : public FamilyTest {
 protected:
  static void finish(const Recipe& recipe, const std::string& out = "out", std::int64_t stop = -1) {
    const auto training = begun(recipe);
    LoopOptions options;
    options.out = *folder_ / (out + "-" + recipe.name);
    options.stop_after = stop;
    const auto note = train(recipe, *training, options);
    ASSERT_TRUE(note) << note.error().message();
  }
  static std::unique_ptr<Training> begun(const Recipe& recipe) {
    auto training = make_unet_training(recipe, places());
    EXPECT_TRUE(training) << (training ? "" : training.error().message());
    return std::move(*training);
  }
};

constexpr std::array kRecipes = {"w16-sr.json", "w16-inpaint.json", "w16-instruct.json"};

TEST_F(Finetuning, BeginsAsTheMemberThatItGoesOnFrom) {
  const auto member = load_unet(places().family / "models/w16/unet");
  ASSERT_TRUE(member) << member.error().message();
  for (const char* name : kRecipes) {
    const auto training = begun(shrunk(name, 2));
    const auto parameters = training->module().named_parameters();

    for (const auto& item : (*member)->named_parameters()) {
      const auto& grown = parameters[item.key()];
      if (item.key() != "conv_in.weight") {
        EXPECT_TRUE(at::equal(grown, item.value())) << item.key();
        continue;
      }
      EXPECT_EQ(grown.size(1), name == std::string("w16-inpaint.json") ? 17 : 16);
      EXPECT_TRUE(at::equal(grown.slice(1, 0, 8), item.value()));
      EXPECT_EQ(grown.slice(1, 8).abs().max().item<double>(), 0);
    }
  }
}

TEST_F(Finetuning, EveryTaskMakesAFolderForItsPipeline) {
  const std::array kinds = {"StableDiffusionPipeline", "StableDiffusionInpaintPipeline",
                            "StableDiffusionInstructPix2PixPipeline"};
  for (std::size_t i = 0; i < kRecipes.size(); ++i) {
    const auto recipe = shrunk(kRecipes.at(i), 3);
    finish(recipe);

    const auto folder = places().family / "models" / recipe.name;
    const auto unet = load_unet(folder / "unet");
    ASSERT_TRUE(unet) << unet.error().message();
    EXPECT_EQ((*unet)->config.in_channels, recipe.config.at("in_channels"));
    EXPECT_GT((*unet)->conv_in->weight.slice(1, 8).abs().max().item<double>(), 0)
        << "the new channels were learnt from";
    const auto index = read_json_file(folder / "model_index.json");
    ASSERT_TRUE(index);
    EXPECT_EQ(index->at("_class_name"), kinds.at(i));
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "vae"));
    EXPECT_TRUE(std::filesystem::exists(folder / "vae/config.json"));
  }
}

TEST_F(Finetuning, ResumingGivesTheSameBitsAsRunningThrough) {
  for (const char* name : kRecipes) {
    const auto recipe = shrunk(name, 4);
    finish(recipe, "through");
    const auto at_once = weights(recipe.name);
    std::filesystem::remove_all(places().family / "models" / recipe.name);

    for (const std::int64_t stop : {1, 3, -1}) finish(recipe, "parts", stop);

    EXPECT_FALSE(at_once.empty());
    EXPECT_EQ(weights(recipe.name), at_once) << name;
  }
}

TEST_F(Finetuning, ACheckpointBelongsToTheWeightsThatItWentOnFrom) {
  auto recipe = shrunk("w16-sr.json", 4);
  recipe.name = "other-sr";
  recipe.options["from"] = "other";
  write_member(places().family, "other", 1);
  finish(recipe, "out", 2);
  write_member(places().family, "other", 2);

  const auto training = begun(recipe);
  LoopOptions options;
  options.out = *folder_ / ("out-" + recipe.name);
  const auto note = train(recipe, *training, options);

  ASSERT_FALSE(note);
  EXPECT_THAT(note.error().message(), HasSubstr("other parts"));
}

// A network trained on other channels than it is given when it samples would be worth nothing.
TEST_F(Finetuning, ShowsWhatTheEngineWillShow) {
  ModelCache cache({places().family / "models"}, at::kCPU, "");
  auto encoders = load_encoders(places().family);
  ASSERT_TRUE(encoders) << encoders.error().message();
  for (const char* file : kRecipes) {
    const auto recipe = shrunk(file, 3);
    const auto task = recipe.options.at("task").get<std::string>();
    finish(recipe);
    const WorldChoice choice{.split = world::Split::kTrain,
                             .count = 4,
                             .task = task,
                             .degradations = {"real-esrgan", "bicubic"}};
    const auto* items_of = find_item_task(task);
    const auto items = items_of->items(choice, {2, 6});
    const auto shown = items_of->channels(*encoders, items);
    SampleSpec spec;
    spec.task = task;
    for (const char* part : {"unet", "vae", "text_encoder", "tokenizer"})
      spec.inputs[part] =
          io::input_digest(places().family / "models" / recipe.name / part).value().name();
    spec.guidance = 1;
    spec.height = spec.width = world::kSide;
    if (task == "inpaint") spec.parameters = {{"strength", 1.0}};
    if (task == "instruct") spec.parameters = {{"image_guidance", 1.5}};
    Group group;
    group.images = {2, 3, 4, 5};
    group.prompts = items.prompts;
    group.sources = task == "inpaint" ? items.targets.to(at::kFloat) / 255 : items.sources;
    group.masks = items.masks;
    // The posterior's noise is the training's own: what it is drawn from is no part of the task.
    group.noise = [](std::uint32_t draw, at::IntArrayRef shape) {
      std::vector<at::Tensor> rows;
      for (std::int64_t i = 2; i < 6; ++i)
        rows.push_back(draw == kMaskedPosteriorNoise ? masked_latents_noise(i, shape)
                                                     : at::zeros(shape));
      return at::stack(rows);
    };
    const auto stepper = make_stepper(sampling::resolve(sampling::stored_scheduler(Json(), ""),
                                                        {{"sampler", "ddim"}, {"steps", 4}}, "test")
                                          .value());
    const auto model = cache.model(spec);
    ASSERT_TRUE(model) << model.error().message();

    const auto begun = find_engine_task(task)->begin(**model, spec, group, *stepper);

    ASSERT_TRUE(begun) << begun.error().message();
    const auto& given = begun->branches.back().channels;
    EXPECT_EQ(given.sizes(), shown.sizes()) << task;
    EXPECT_TRUE(at::allclose(given, shown.to(at::kFloat), 2e-3, 2e-3))
        << task << ": off by " << (given - shown.to(at::kFloat)).abs().max().item<double>()
        << " of " << given.abs().max().item<double>();
    EXPECT_TRUE(at::allclose(begun->branches.back().text,
                             encoders->states_of(items.prompts).to(at::kFloat), 2e-3, 2e-3))
        << task;
  }
}

TEST_F(Finetuning, DropsWhatItsSharesSay) {
  auto recipe = shrunk("w16-instruct.json", 2);
  const auto loss = [&](double text, double picture, double both, double weight) {
    recipe.options["empty_prompts"] = text;
    recipe.options["empty_pictures"] = picture;
    recipe.options["empty_both"] = both;
    const auto training = begun(recipe);
    const at::NoGradGuard no_grad;
    for (auto& item : training->module().named_parameters())
      if (item.key() == "conv_in.weight") item.value().slice(1, 8).fill_(weight);
    return training->loss(0).item<double>();
  };

  const double whole = loss(0, 0, 0, 0.05), blind = loss(0, 0, 0, 0);
  EXPECT_NE(whole, blind);
  EXPECT_EQ(loss(0, 1, 0, 0.05), blind);
  EXPECT_NE(loss(1, 0, 0, 0.05), whole);
  EXPECT_NE(loss(1, 0, 0, 0.05), loss(0, 0, 1, 0.05));
  EXPECT_EQ(loss(0, 0, 1, 0.05), loss(1, 0, 0, 0));
}

TEST_F(Finetuning, ShowsTheItemsOfTheWorld) {
  const WorldChoice choice{.split = world::Split::kTest, .count = 3, .task = "instruct"};
  const auto items = find_item_task("instruct")->items(choice, {1, 3});

  const auto edit = world::edit(world::Split::kTest, 2, kWorldSeed);
  auto rgb = at::empty({world::kSide, world::kSide, 3}, at::kByte);
  world::render_target(edit, rgb.data_ptr<std::uint8_t>());
  EXPECT_TRUE(at::equal(items.targets[1], rgb.permute({2, 0, 1})));
  world::render_source(edit, rgb.data_ptr<std::uint8_t>());
  EXPECT_TRUE(at::allclose(items.sources[1], rgb.permute({2, 0, 1}).to(at::kFloat) / 255));
  EXPECT_EQ(items.prompts[1], edit.instruction.text());

  const WorldChoice small{.count = 3, .task = "concat-sr", .degradations = {"bicubic"}};
  EXPECT_EQ(find_item_task("concat-sr")->items(small, {0, 2}).sources.sizes(),
            at::IntArrayRef({2, 3, 16, 16}));
}

TEST_F(Finetuning, MasksAreOfThreeKinds) {
  const WorldChoice choice{.count = 200, .task = "inpaint"};
  const auto masks = find_item_task("inpaint")->items(choice, {0, 200}).masks;
  const auto set = masks.mean({1, 2, 3});

  EXPECT_NEAR((set == 1).to(at::kFloat).mean().item<double>(), 0.25, 0.1);
  EXPECT_GT(set.min().item<double>(), 0);
  EXPECT_TRUE(at::equal(masks, masks.round()));
}

TEST_F(Finetuning, WordsOfInstructionsFitTheTextEncoder) {
  const auto tokenizer = Tokenizer::load(places().family / "models/shared/tokenizer");
  ASSERT_TRUE(tokenizer);
  std::size_t longest = 0;
  for (std::uint64_t i = 0; i < 3000; ++i)
    longest = std::max(
        longest, tokenizer->count(world::edit(world::Split::kTrain, i, 1).instruction.text()));

  EXPECT_LE(longest, tokenizer->length() - 2);
}

TEST_F(Finetuning, RefusesRecipesThatFitNoMember) {
  auto recipe = shrunk("w16-sr.json", 2);
  recipe.options["from"] = "w15";
  EXPECT_THAT(fault_of(recipe), HasSubstr("models/w15/unet"));
  recipe = shrunk("w16-sr.json", 2);
  recipe.config["in_channels"] = 17;
  EXPECT_THAT(fault_of(recipe),
              HasSubstr("this is 17; expected 16, the latents' channels and what concat-sr joins"));
  recipe = shrunk("w16-sr.json", 2);
  recipe.config["norm_num_groups"] = 2;
  EXPECT_THAT(fault_of(recipe), HasSubstr("it is not that of w16"));
}

// Each of these was a fault of LibTorch's after minutes of encoding, or none at all.
TEST_F(Finetuning, RefusesRecipesThatFitNoFamilyBeforeAnythingIsEncoded) {
  const TrainingPlaces fresh{places().family, *folder_ / "fresh"};
  const auto fault_in_time = [&](const Recipe& recipe) {
    const auto training = make_unet_training(recipe, fresh);
    EXPECT_FALSE(std::filesystem::exists(fresh.cache));
    return training ? "no fault" : training.error().message();
  };

  auto recipe = shrunk("w16.json", 2);
  recipe.config.update({{"in_channels", 4}, {"out_channels", 4}, {"sample_size", 16}});
  recipe.config["cross_attention_dim"] = 32;
  EXPECT_THAT(fault_in_time(recipe),
              AllOf(HasSubstr("in_channels: this is 4; expected 8, the latents' channels"),
                    HasSubstr("out_channels: this is 4; expected 8"),
                    HasSubstr("sample_size: this is 16; expected 8, the latents' side"),
                    HasSubstr("cross_attention_dim: this is 32; expected 64")));
  recipe = shrunk("w16-sr.json", 2);
  finish(recipe, "member");
  recipe.options["from"] = "w16-sr";
  EXPECT_THAT(fault_in_time(recipe),
              HasSubstr("w16-sr takes 16 channels; expected a member for text-to-image, of 8"));
  recipe = shrunk("w16-sr.json", 2);
  recipe.options["prediction"] = "v_prediction";
  EXPECT_THAT(fault_in_time(recipe),
              HasSubstr("it is 'v_prediction'; expected epsilon, as w16 predicts"));
}

TEST_F(Finetuning, NamesEveryFaultOfItsOptions) {
  auto recipe = shrunk("w16-sr.json", 2);
  recipe.options = {{"task", "enlarge"},
                    {"empty_both", 0.7},
                    {"empty_prompts", 0.5},
                    {"degradations", {"blur"}},
                    {"mni_snr", 1}};

  const auto faults = fault_of(recipe);

  EXPECT_THAT(faults, HasSubstr("no network is finetuned for 'enlarge'"));
  EXPECT_THAT(faults, HasSubstr("\"task\" and \"from\" together"));
  EXPECT_THAT(faults, HasSubstr("'blur' is unknown; expected one of: bicubic, real-esrgan"));
  EXPECT_THAT(faults, HasSubstr("at most 1 in all"));
  EXPECT_THAT(faults, HasSubstr("mni_snr"));
  recipe.options = {{"empty_pictures", 0.1}};
  EXPECT_THAT(fault_of(recipe), HasSubstr("text-to-image has none to drop"));
}

}  // namespace
}  // namespace isocost::diffusion

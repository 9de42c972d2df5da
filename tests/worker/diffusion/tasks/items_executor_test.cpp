// Units of tasks that begin with pictures, from folders of items to rows: what the executor looks
// for, what it refuses, and that a picture depends on its item alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/io/inputs.h"
#include "base/io/item_files.h"
#include "base/io/picture.h"
#include "experiments/world/scene_range.h"
#include "schema/prompts.h"
#include "schema/samplers/resolve.h"
#include "schema/units/kind.h"
#include "tests/base/io/temporary_folder.h"
#include "worker/diffusion/image/resize.h"
#include "worker/diffusion/image/tensors/picture_tensor.h"
#include "worker/diffusion/metrics/rows_file.h"
#include "worker/diffusion/models/load.h"
#include "worker/diffusion/tasks/engine_executor.h"
#include "worker/diffusion/tasks/group_items.h"

namespace isocost::diffusion {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

const std::filesystem::path kItemModels =
    std::filesystem::path(ISOCOST_SOURCE_DIR) / "tests/golden/models";
constexpr int kSide = 16;

io::Picture waves(int number) {
  io::Picture picture{kSide, kSide, {}};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      for (int c = 0; c < 3; ++c)
        picture.rgb.push_back(
            static_cast<std::uint8_t>((x * (number + 3) + y * (5 + c) * (number + 1)) % 256));
  return picture;
}

io::Picture half_mask() {
  io::Picture picture{kSide, kSide, {}};
  for (int i = 0; i < kSide * kSide; ++i)
    picture.rgb.insert(picture.rgb.end(), 3,
                       static_cast<std::uint8_t>(i % kSide < kSide / 2 ? 0 : 255));
  return picture;
}

class ItemsExecutorTest : public ::testing::Test {
 protected:
  ItemsExecutorTest() : store_(folder_ / "artifacts") {
    std::string lines;
    for (int i = 0; i < 3; ++i) {
      const std::string name = std::to_string(i) + ".png";
      folder_.write("data/edits/" + name, io::png_bytes(waves(i)));
      folder_.write("data/edits/m/" + name, io::png_bytes(half_mask()));
      lines += R"({"file_name": ")" + name + R"(", "mask_file_name": "m/)" + name + "\"}\n";
    }
    folder_.write("data/edits/metadata.jsonl", lines);
    for (const char* part : {"unet", "vae", "text_encoder", "tokenizer"})
      spec_.inputs[part] = io::input_digest(kItemModels / "inpaint9" / part).value().name();
    spec_.task = "inpaint";
    spec_.parameters = {{"strength", 1.0}};
    const auto stored =
        sampling::stored_scheduler({{"clip_sample", false}}, "StableDiffusionInpaintPipeline");
    spec_.sampler = sampling::to_json(
        sampling::resolve(stored, {{"sampler", "ddim"}, {"steps", 2}}, "test").value());
    spec_.prompts = store_.put(prompts_text({"a cat", "a dog", "a boat"})).name();
    spec_.height = spec_.width = kSide;
    spec_.group_size = 2;
    const auto table = io::read_item_table(folder_ / "data/edits").value();
    spec_.items.kind = kFileItems;
    spec_.items.inputs = {{"source", column(table, "file_name")},
                          {"mask", column(table, "mask_file_name")}};
    features_ = {"clip-features",
                 io::input_digest(kItemModels / "clip").value().name(),
                 Json{{"normalise", false}},
                 {}};
    auto executor = EngineExecutor::create(
        {.models = {kItemModels / "inpaint9", kItemModels / "clip", folder_ / "data"},
         .device = "cpu"},
        store_);
    EXPECT_TRUE(executor) << executor.error().message();
    executor_ = std::move(*executor);
  }

  static std::string column(const io::ItemTable& table, const std::string& member) {
    return io::read_column(table, member)->digest.name();
  }
  tl::expected<UnitResult, UnitFailure> run(std::uint64_t begin, std::uint64_t end,
                                            std::uint64_t keep_pictures = 0) {
    const GenerateUnit unit{spec_, {begin, end}, {features_}, keep_pictures};
    agent::Progress progress;
    return executor_->execute(
        {unit_name(unit), UnitKind::kGenerate, Json::parse(body_text(unit)), {}}, progress);
  }
  at::Tensor rows(std::uint64_t begin, std::uint64_t end) {
    const auto result = run(begin, end);
    EXPECT_TRUE(result) << result.error().reason;
    if (!result) return {};
    return rows_from_bytes(store_.get(result->artifacts.at(0).digest).value(), "rows").value();
  }
  // The sample is a baseline's, beside this task.
  void stand_beside(const char* baseline, const char* task) {
    spec_.task = baseline;
    spec_.parameters = {{"task", task}};
    spec_.sampler = Json::object();
    spec_.inputs.clear();
  }
  void enlarge_by_four() {
    spec_.items.inputs = {{"target", spec_.items.inputs.at("source")}};
    spec_.items.factor = 4;
    spec_.items.degradation = {{"name", "bicubic"}};
  }
  io::Picture picture(std::uint64_t image) {
    const auto result = run(image, image + 1, image + 1);
    EXPECT_TRUE(result) << result.error().reason;
    if (!result) return {};
    for (const ArtifactRef& artifact : result->artifacts)
      if (artifact.name == picture_artifact(image))
        return io::parse_picture(store_.get(artifact.digest).value(), "picture").value();
    ADD_FAILURE() << "no picture";
    return {};
  }
  std::string fault() {
    const auto result = run(0, 2);
    if (result) return "no fault";
    EXPECT_EQ(result.error().failure_class, FailureClass::kBadInput);
    return result.error().reason;
  }

  TemporaryFolder folder_;
  io::ArtifactStore store_;
  std::unique_ptr<EngineExecutor> executor_;
  SampleSpec spec_;
  ExtractorSpec features_;
};

TEST_F(ItemsExecutorTest, DrawsEachImageFromItsItemHoweverUnitsAreCut) {
  const at::Tensor whole = rows(0, 8);

  EXPECT_TRUE(at::equal(whole.slice(0, 2, 4), rows(2, 4)));
  EXPECT_TRUE(at::equal(whole.slice(0, 5, 8), rows(5, 8)));
  // Image 3 has the item of image 0, and noise of its own.
  EXPECT_FALSE(at::equal(whole[0], whole[3]));
}

TEST_F(ItemsExecutorTest, FillsAGroupWithItemsModuloTheirNumber) {
  const auto items = ItemSet::open(spec_.items, [&](const std::string& digest) {
    const bool is_mask = digest == spec_.items.inputs.at("mask");
    return open_column({folder_ / "data/edits", {}, is_mask ? "mask_file_name" : "file_name"},
                       digest);
  });
  ASSERT_TRUE(items) << items.error().message();
  Group group;
  group.images = {2, 3};

  const auto filled = fill_items(*items, {kSide, kSide}, group);

  ASSERT_TRUE(filled) << filled.error().message();
  EXPECT_EQ(group.sources.sizes(), (std::vector<std::int64_t>{2, 3, kSide, kSide}));
  EXPECT_EQ(group.sources[1][2][4][5].item<float>(),
            static_cast<float>(waves(0).rgb[3 * (4 * kSide + 5) + 2]) / 255.0F);
  EXPECT_EQ(group.masks.sizes(), (std::vector<std::int64_t>{2, 1, kSide, kSide}));
  EXPECT_EQ(group.masks.mean().item<float>(), 0.5F);
  EXPECT_TRUE(at::equal(group.items.masks, group.masks >= 0.5));
  EXPECT_FALSE(group.items.targets.defined());
}

// As the unit may leave them, and as they lie in the data set.
TEST_F(ItemsExecutorTest, KeepsWhatItsPicturesWereMadeFromAndAreHeldAgainst) {
  const auto table = io::read_item_table(folder_ / "data/edits").value();
  features_.items = {{"target", column(table, "file_name")}};  // as a metric of pairs asks for it
  const GenerateUnit unit{spec_, {2, 5}, {features_}, 4};

  const auto result = run(2, 5, 4), without = run(2, 5);

  ASSERT_TRUE(result && without) << result.error().reason;
  EXPECT_EQ(result->digest, without->digest);
  std::map<std::string, Digest> kept;
  const auto forms = units::row_of(UnitKind::kGenerate).outputs(unit);
  for (const ArtifactRef& artifact : result->artifacts) {
    kept[artifact.name] = artifact.digest;
    EXPECT_TRUE(forms.contains(artifact.name)) << artifact.name;
  }
  EXPECT_EQ(kept.size(), forms.size());
  const auto picture = [&](const char* name) {
    return io::parse_picture(store_.get(kept.at(name)).value(), name).value();
  };
  EXPECT_EQ(picture("source/2"), waves(2));
  EXPECT_EQ(picture("source/3"), waves(0));  // of three items
  EXPECT_EQ(picture("mask/3"), half_mask());
  EXPECT_EQ(kept.at("target/3"), kept.at("source/3"));
}

TEST_F(ItemsExecutorTest, RefusesItemsThatAreNotThereOrWereChanged) {
  const SampleSpec sound = spec_;
  spec_.items.inputs["source"] = sha256("gone").name();
  EXPECT_THAT(fault(), HasSubstr("this input is not under the worker's model folders"));
  spec_ = sound;
  spec_.items = {};
  EXPECT_THAT(fault(),
              HasSubstr("sample.items: there are none; expected those that inpaint begins with"));
  spec_ = sound;
  spec_.prompts = store_.put(prompts_text({"a cat", "a dog"})).name();
  EXPECT_THAT(fault(), HasSubstr("there are 3 items; expected 2, as many as prompts"));
  spec_ = sound;
  spec_.width = 32;
  EXPECT_THAT(fault(), HasSubstr("0.png: the picture has 16 x 16 pixels; expected 32 x 16"));
  spec_ = sound;
  ASSERT_TRUE(run(0, 2));
  folder_.write("data/edits/1.png", io::png_bytes(waves(9)));
  EXPECT_THAT(fault(), HasSubstr("1.png: the picture was changed while it is in use"));
}

TEST_F(ItemsExecutorTest, MakesBaselinesWithoutANetwork) {
  enlarge_by_four();
  stand_beside("bicubic", "concat-sr");
  const auto small = resize_u8(waves(1), kSide / 4, kSide / 4, Filter::kBicubic);
  EXPECT_EQ(picture(1), resize_u8(small, kSide, kSide, Filter::kBicubic));

  stand_beside("mean", "concat-sr");
  io::Picture mean = waves(0);
  for (std::size_t i = 0; i < mean.rgb.size(); ++i) {
    const int sum = waves(0).rgb[i] + waves(1).rgb[i] + waves(2).rgb[i];
    mean.rgb[i] = static_cast<std::uint8_t>((2 * sum + 3) / 6);
  }
  EXPECT_EQ(picture(0), mean);
  EXPECT_EQ(picture(2), mean);
}

TEST_F(ItemsExecutorTest, MakesBaselinesOfSourcesAndOfTheMiniWorld) {
  stand_beside("source", "inpaint");
  EXPECT_EQ(picture(2), waves(2));
  // Image 3 has item 0 again.
  EXPECT_EQ(picture(3), waves(0));

  stand_beside("real", "text-to-image");
  spec_.height = spec_.width = world::kSide;
  spec_.items.kind = kWorldItems;
  spec_.items.inputs.clear();
  spec_.items.options = world::scene_options("test", 3, 7);
  io::Picture scene{world::kSide, world::kSide, std::vector<std::uint8_t>(world::kPictureBytes)};
  world::render(world::scene(world::Split::kTest, 1, 7), scene.rgb.data());
  EXPECT_EQ(picture(1), scene);
}

TEST_F(ItemsExecutorTest, ReconstructsWithTheAutoencoderAlone) {
  const std::string vae = spec_.inputs.at("vae");
  enlarge_by_four();
  stand_beside("reconstruction", "concat-sr");
  spec_.inputs["vae"] = vae;
  auto loaded = load_autoencoder(kItemModels / "inpaint9/vae");
  ASSERT_TRUE(loaded) << loaded.error().message();
  SharedAutoencoder autoencoder(*loaded, at::kCPU);
  // A group has two images.
  const at::Tensor pictures = picture_batch({waves(0), waves(1)}).to(at::kFloat) / 255;
  const at::Tensor latents = autoencoder.posterior(2 * pictures - 1).mean;
  const auto rendered = autoencoder.render(autoencoder.config().scaling_factor * latents);
  ASSERT_TRUE(rendered) << rendered.error().message();

  EXPECT_EQ(picture(1), picture_of((*rendered)[1]));

  // Two trained networks of it would be the same cell: none is asked for.
  spec_.inputs.clear();
  EXPECT_THAT(fault(), HasSubstr("the input 'vae' is missing"));
}

TEST_F(ItemsExecutorTest, RefusesBaselinesOfNothing) {
  stand_beside("reconstruction", "inpaint");
  spec_.task = "mean";
  EXPECT_THAT(fault(), HasSubstr("items: they have no target"));
  spec_.parameters = {{"task", "nothing"}};
  EXPECT_THAT(fault(), HasSubstr("sample.parameters: {\"task\":\"nothing\"} name no task"));
}

}  // namespace
}  // namespace isocost::diffusion

// Items as a cell loads them: fitted, made smaller, and refused where they do not fit.
#include "worker/diffusion/items/items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/item_files.h"
#include "experiments/world/edits.h"
#include "experiments/world/scene_range.h"
#include "tests/base/io/temporary_folder.h"
#include "worker/diffusion/image/resize.h"
#include "worker/diffusion/items/degrade.h"
#include "worker/diffusion/items/fit.h"

namespace isocost::diffusion {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

// Every pixel tells where it is.
io::Picture plan_of(int width, int height, int shade = 0) {
  io::Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const int value : {x, y, shade}) picture.rgb.push_back(static_cast<std::uint8_t>(value));
  return picture;
}

io::Picture grey(int width, int height, std::uint8_t value) {
  return {width, height,
          std::vector<std::uint8_t>(
              3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height), value)};
}

// A folder whose pictures are the columns of an item set.
class ItemsTest : public ::testing::Test {
 protected:
  std::string column(const std::string& name, const std::vector<io::Picture>& pictures) {
    for (std::size_t i = 0; i < pictures.size(); ++i)
      folder_.write(name + "/" + std::to_string(i) + ".png", io::png_bytes(pictures[i]));
    const auto read = io::read_column(io::read_item_table(folder_ / name).value(), "file_name");
    places_[read->digest.name()] = {folder_ / name, {}, "file_name"};
    return read->digest.name();
  }
  [[nodiscard]] Result<ItemSet> open(const ItemsSpec& spec) const {
    return ItemSet::open(spec, [this](const std::string& digest) -> Result<io::ItemColumn> {
      const auto place = places_.find(digest);
      if (place == places_.end()) return fail(digest, "it is not there");
      return open_column(place->second, digest);
    });
  }
  [[nodiscard]] Result<Item> load(const ItemsSpec& spec, PictureSize size,
                                  std::uint64_t index = 0) const {
    const auto items = open(spec);
    if (!items) return fail(items.error());
    return items->load(index, size);
  }
  [[nodiscard]] std::string fault(const ItemsSpec& spec, PictureSize size) const {
    const auto items = open(spec);
    if (!items) return items.error().message();
    const auto checked = check_items(*items, size);
    return checked ? "no fault" : checked.error().message();
  }
  static ItemsSpec files(const std::map<std::string, std::string>& inputs,
                         const std::string& fit = kFitExact) {
    return {.kind = kFileItems,
            .inputs = inputs,
            .options = Json::object(),
            .fit = fit,
            .factor = 1,
            .degradation = {}};
  }

  TemporaryFolder folder_;
  std::map<std::string, io::Place> places_;
};

TEST(Degradations, AreThoseOfTheTable) {
  auto known = degradation_names();
  std::sort(known.begin(), known.end());
  EXPECT_EQ(computed_degradations(), known);
}

TEST_F(ItemsTest, AreCutOutOfTheMiddleOrResizedAsTheFitSays) {
  const std::string source = column("source", {plan_of(12, 9)});
  const auto fit = [&](const std::string& name) {
    return *load(files({{"source", source}}, name), {4, 8})->source;
  };

  const io::Picture cut = fit(kFitCrop);
  EXPECT_EQ(cut.width, 8);
  EXPECT_EQ(cut.height, 4);
  EXPECT_EQ(cut.rgb[0], 2);  // from the third column and row on
  EXPECT_EQ(cut.rgb[1], 2);
  EXPECT_EQ(fit(kFitResize), resize_u8(plan_of(12, 9), 8, 4, Filter::kBicubic));
  const io::Picture covering = resize_u8(plan_of(12, 9), 8, 6, Filter::kBicubic);
  EXPECT_EQ(fit(kFitResizeCrop), fitted(covering, {{6, 8}, 1, 0, {4, 8}}));
  EXPECT_THAT(fault(files({{"source", source}}), {4, 8}),
              HasSubstr("0.png: the picture has 12 x 9 pixels; expected 8 x 4, or a 'fit'"));
  EXPECT_THAT(fault(files({{"source", source}}, kFitCrop), {10, 8}),
              HasSubstr("expected 8 x 10 or more, which is cut out of it"));
}

TEST_F(ItemsTest, SayWhetherAnythingIsChangedToFit) {
  const std::string source = column("source", {plan_of(8, 4), plan_of(12, 9)});

  EXPECT_EQ(check_items(*open(files({{"source", source}}, kFitCrop)), {4, 8}).value(), true);
  const std::string alone = column("alone", {plan_of(8, 4)});
  EXPECT_EQ(check_items(*open(files({{"source", alone}}, kFitCrop)), {4, 8}).value(), false);
}

TEST_F(ItemsTest, AreMadeSmallerFromTheFittedTarget) {
  ItemsSpec spec = files({{"target", column("high", {plan_of(40, 36)})}}, kFitCrop);
  spec.factor = 4;
  spec.degradation = {{"name", "bicubic"}};

  const auto item = load(spec, {32, 32});

  ASSERT_TRUE(item) << item.error().message();
  EXPECT_EQ(item->target->width, 32);
  EXPECT_EQ(*item->source, resize_u8(*item->target, 8, 8, Filter::kBicubic));
  EXPECT_THAT(fault(spec, {30, 32}), HasSubstr("32 x 30 pixels are not divided by 4"));
}

// What is cut of the small picture is what is cut of the large one.
TEST_F(ItemsTest, StayTwinsWhenTheyAreCut) {
  const io::Picture low = plan_of(11, 9);
  io::Picture high{22, 18, {}};
  for (int y = 0; y < 18; ++y)
    for (int x = 0; x < 22; ++x)
      for (const int value : {x / 2, y / 2, 0})
        high.rgb.push_back(static_cast<std::uint8_t>(value));
  ItemsSpec spec =
      files({{"source", column("low", {low})}, {"target", column("high", {high})}}, kFitCrop);
  spec.factor = 2;

  const auto item = load(spec, {8, 12});

  ASSERT_TRUE(item) << item.error().message();
  EXPECT_EQ(item->source->width, 6);
  EXPECT_EQ(item->target->width, 12);
  for (std::size_t channel : {0U, 1U})
    EXPECT_EQ(item->source->rgb[channel], item->target->rgb[channel]);
  spec.factor = 3;
  EXPECT_THAT(fault(spec, {9, 12}),
              HasSubstr("its target has 22 x 18 pixels; expected 33 x 27, 3 times its source's"));
}

TEST_F(ItemsTest, HaveMasksOfTheirSizeWithAPixelThatIsSet) {
  io::Picture corner = grey(8, 8, 0);
  corner.rgb[0] = corner.rgb[1] = corner.rgb[2] = 255;
  const std::string source = column("source", {plan_of(8, 8), plan_of(8, 8, 1)});
  const auto masked = [&](const std::string& name, const std::vector<io::Picture>& masks,
                          const std::string& fit) {
    return files({{"source", source}, {"mask", column(name, masks)}}, fit);
  };

  EXPECT_EQ(fault(masked("set", {corner, grey(8, 8, 128)}, kFitExact), {8, 8}), "no fault");
  EXPECT_THAT(fault(masked("empty", {corner, grey(8, 8, 127)}, kFitExact), {8, 8}),
              HasSubstr("source/1.png: its mask has no set pixel; expected one or more from 128"));
  EXPECT_THAT(fault(masked("cut", {corner, corner}, kFitCrop), {4, 4}),
              AllOf(HasSubstr("source/0.png: its mask has no set pixel in what is cut out of it"),
                    HasSubstr("source/1.png")));
  EXPECT_THAT(fault(masked("small", {corner, grey(4, 8, 255)}, kFitExact), {8, 8}),
              HasSubstr("source/1.png: its mask has 4 x 8 pixels; expected 8 x 8, as its source"));
  EXPECT_THAT(fault(masked("few", {corner}, kFitExact), {8, 8}),
              HasSubstr("there are 1 of them; expected 2, as many as of source"));
}

// What a metric looks at is what a mask keeps.
TEST_F(ItemsTest, KeepAPixelWhereAMetricLooksAtThose) {
  Mask mask{5, 4, std::vector<std::uint8_t>(20, 0)};
  mask.values[1 * 5 + 1] = 255;
  EXPECT_TRUE(mask.keeps_any(0));
  EXPECT_TRUE(mask.keeps_any(2));  // the last column
  EXPECT_FALSE(mask.keeps_any(3));
  EXPECT_FALSE((Mask{2, 1, {255, 200}}.keeps_any(0)));

  const ItemsSpec white = files(
      {{"source", column("one", {grey(8, 4, 1)})}, {"mask", column("white", {grey(8, 4, 255)})}});
  EXPECT_EQ(fault(white, {4, 8}), "no fault");
  EXPECT_THAT(check_items(*open(white), {4, 8}, 0).error().message(),
              HasSubstr("0.png: its mask leaves no pixel as it is; expected one or more that must "
                        "not change"));
}

// Nearest pixels, so that a mask stays one.
TEST_F(ItemsTest, ResizeMasksWithoutBlurringThem) {
  io::Picture half = grey(8, 8, 0);
  std::fill(half.rgb.begin() + 3 * 32, half.rgb.end(), std::uint8_t{255});
  const auto item =
      load(files({{"source", column("source", {plan_of(8, 8)})}, {"mask", column("mask", {half})}},
                 kFitResize),
           {4, 4});

  ASSERT_TRUE(item) << item.error().message();
  EXPECT_EQ(item->mask->values, (std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255,
                                                           255, 255, 255, 255, 255}));
  EXPECT_EQ(mask_of({2, 1, {255, 0, 0, 10, 200, 30}}).values,
            (std::vector<std::uint8_t>{76, 124}));  // PIL's convert("L")
}

TEST_F(ItemsTest, AreWhatTheirDigestSaysOrNothing) {
  const std::string source = column("source", {plan_of(8, 8), plan_of(8, 8, 1)});
  const auto opened = open(files({{"source", source}}));
  ASSERT_TRUE(opened) << opened.error().message();

  folder_.write("source/1.png", io::png_bytes(plan_of(8, 8, 2)));

  EXPECT_TRUE(opened->load(0, {8, 8}));
  EXPECT_THAT(opened->load(1, {8, 8}).error().message(),
              HasSubstr("1.png: the picture was changed while it is in use"));
  EXPECT_THAT(open(files({{"source", source}})).error().message(),
              HasSubstr("its items (file_name) are others than when it was looked at"));
}

TEST_F(ItemsTest, AreRefusedWhereNobodyGivesThem) {
  ItemsSpec spec = files({});
  EXPECT_THAT(fault(spec, {8, 8}), HasSubstr("there are none; expected source, mask or target"));
  spec.inputs = {{"depth", sha256("x").name()}};
  EXPECT_THAT(fault(spec, {8, 8}), HasSubstr("'depth' is no picture of an item"));
  spec.kind = "cloud";
  EXPECT_THAT(fault(spec, {8, 8}),
              HasSubstr("'cloud' is unknown; expected one of: files, world, world-edits"));
  spec = files({{"mask", column("mask", {grey(8, 8, 255)})}});
  EXPECT_THAT(fault(spec, {8, 8}), HasSubstr("there is neither source nor target"));
}

TEST_F(ItemsTest, ComeFromTheMiniWorldAsItsScenesAndCaptions) {
  ItemsSpec spec;
  spec.kind = kWorldItems;
  spec.options = world::scene_options("validation", 3, 5);
  spec.factor = 4;
  spec.degradation = {{"name", "bicubic"}};
  const auto items = open(spec);
  ASSERT_TRUE(items) << items.error().message();

  const auto item = items->load(2, {world::kSide, world::kSide});

  ASSERT_TRUE(item) << item.error().message();
  const auto scene = world::scene(world::Split::kValidation, 2, 5);
  io::Picture picture{world::kSide, world::kSide, std::vector<std::uint8_t>(world::kPictureBytes)};
  world::render(scene, picture.rgb.data());
  EXPECT_EQ(*item->target, picture);
  EXPECT_EQ(item->source->width, world::kSide / 4);
  EXPECT_EQ(items->text(2, tasks::Slot::kTargetText), world::caption(scene));
  EXPECT_EQ(items->count(), 3U);
  spec.options["count"] = 0U;
  EXPECT_THAT(fault(spec, {64, 64}), HasSubstr("items.options.count: 0; expected 1 to 1000000"));
}

TEST_F(ItemsTest, HaveTheSameTargetAloneAndBesideTheOthers) {
  ItemsSpec spec;
  spec.kind = kWorldItems;
  spec.options = world::scene_options("test", 4, 5);
  spec.factor = 4;
  spec.degradation = {{"name", "bicubic"}};
  const auto made = open(spec);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->target(3, {64, 64}).value(), *made->load(3, {64, 64}).value().target);

  spec = {};
  spec.kind = kWorldEdits;
  spec.options = world::scene_options("test", 4, 5);
  const auto given = open(spec);
  ASSERT_TRUE(given) << given.error().message();
  EXPECT_EQ(given->target(3, {64, 64}).value(), *given->load(3, {64, 64}).value().target);
}

// A million scenes are of one size, and none is missing.
TEST_F(ItemsTest, ThatAreMadeAreNotLookedAtOneByOne) {
  ItemsSpec spec;
  spec.kind = kWorldItems;
  spec.options = world::scene_options("train", world::kScenesMax, 5);
  const auto items = open(spec);
  ASSERT_TRUE(items) << items.error().message();

  EXPECT_EQ(check_items(*items, {world::kSide, world::kSide}).value(), false);
  EXPECT_THAT(check_items(*items, {96, 96}).error().message(),
              HasSubstr("scene 0 of the mini world"));
}

TEST_F(ItemsTest, OfEditingAreEditsOfTheMiniWorld) {
  ItemsSpec spec;
  spec.kind = kWorldEdits;
  spec.options = world::scene_options("test", 3, 5);
  const auto items = open(spec);
  ASSERT_TRUE(items) << items.error().message();

  const auto item = items->load(2, {world::kSide, world::kSide});

  ASSERT_TRUE(item) << item.error().message();
  const auto edit = world::edit(world::Split::kTest, 2, 5);
  io::Picture picture{world::kSide, world::kSide, std::vector<std::uint8_t>(world::kPictureBytes)};
  world::render_source(edit, picture.rgb.data());
  EXPECT_EQ(*item->source, picture);
  world::render_target(edit, picture.rgb.data());
  EXPECT_EQ(*item->target, picture);
  ASSERT_TRUE(item->mask);
  for (std::size_t i = 0; i < world::kMaskBytes; ++i) {
    if (item->mask->values[i] >= kMaskSetFrom) continue;
    ASSERT_TRUE(std::equal(&item->source->rgb[3 * i], &item->source->rgb[3 * i] + 3,
                           &item->target->rgb[3 * i]));
  }
  EXPECT_EQ(items->text(2, tasks::Slot::kPrompt), edit.instruction.text());
  EXPECT_EQ(items->text(2, tasks::Slot::kSourceText), world::caption(edit.source));
  EXPECT_EQ(items->text(2, tasks::Slot::kTargetText), world::caption(edit.target));
}

TEST_F(ItemsTest, AreDegradedByTheirNumberAndSeedAlone) {
  ItemsSpec spec;
  spec.kind = kWorldItems;
  spec.options = world::scene_options("validation", 9, 5);
  spec.factor = 4;
  const auto source_of = [&](std::uint64_t seed, std::uint64_t item) {
    spec.degradation = {{"name", "real-esrgan"}, {"seed", seed}};
    return *open(spec)->load(item, {world::kSide, world::kSide})->source;
  };

  EXPECT_EQ(source_of(1, 7), source_of(1, 7));
  EXPECT_NE(source_of(1, 7), source_of(2, 7));
  EXPECT_EQ(source_of(1, 7).width, world::kSide / 4);
}

}  // namespace
}  // namespace isocost::diffusion

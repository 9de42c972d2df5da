#include <gtest/gtest.h>

#include "schema/units/item_pictures.h"
#include "schema/units/kind.h"

namespace isocost::units {
namespace {

ExtractorSpec extractor(const std::string& kind) {
  return {kind, sha256(kind).name(), {{"prefix", "a \"picture\" of"}}};
}

std::vector<UnitBody> one_of_each() {
  SampleSpec sample;
  sample.task = "text-to-image";
  sample.inputs = {{"unet", sha256("unet").name()}, {"vae", sha256("vae").name()}};
  sample.prompts = sha256("prompts").name();
  const ReferenceSpec reference{
      "folder", sha256("pictures").name(), extractor("clip"), {{"count", 5000U}}};
  return {
      ReferenceUnit{reference},
      GenerateUnit{sample, {64, 128}, {extractor("clip"), extractor("mini-features")}, 66},
      ScoreUnit{sample_key(sample),
                {"fid", extractor("clip"), reference_key(reference).hex(), {0, 128}, {{"a", 1}}}}};
}

TEST(Units, HaveKindsInTheOrderOfTheirNumbers) {
  const std::vector<UnitBody> units = one_of_each();

  ASSERT_EQ(kinds().size(), units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    EXPECT_EQ(static_cast<int>(kinds()[i].kind), static_cast<int>(i) + 1);
    EXPECT_EQ(kind_of(units[i]), kinds()[i].kind);
    EXPECT_EQ(find_kind(static_cast<int>(i) + 1), &kinds()[i]);
  }
  EXPECT_EQ(find_kind(0), nullptr);
  EXPECT_EQ(find_kind(4), nullptr);
}

TEST(Units, ReadBackTheBodyThatTheyCompose) {
  for (const UnitBody& unit : one_of_each()) {
    const std::string text = body_text(unit);

    const auto back = unit_body_from_text(kind_of(unit), text, "body");

    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, unit) << text;
    EXPECT_EQ(text, canonical(*parse_json(text, "body")));
    EXPECT_TRUE(unit_name(unit).starts_with(row_of(kind_of(unit)).name + "/"));
  }
}

TEST(Units, SayEveryFaultOfABody) {
  const auto unit = unit_body_from_text(UnitKind::kGenerate,
                                        R"({"range": [0, 1], "sample": {}, "more": 1})", "body");

  ASSERT_FALSE(unit);
  for (const char* part : {"body.sample", "body.extractors", "keep_pictures", "more"})
    EXPECT_NE(unit.error().message().find(part), std::string::npos) << part;
}

// Of ready statistics no extractor runs; a score reads what other units left.
TEST(Units, NameWhatAWorkerMustHaveAndWhatTheyLeave) {
  const std::vector<UnitBody> units = one_of_each();
  const auto inputs = [](const UnitBody& unit) { return row_of(kind_of(unit)).inputs(unit); };
  const auto outputs = [](const UnitBody& unit) {
    std::set<std::string> names;
    for (const auto& [name, unused] : row_of(kind_of(unit)).outputs(unit)) names.insert(name);
    return names;
  };
  UnitBody ready = units[0];
  std::get<ReferenceUnit>(ready).reference.kind = "npz";
  const std::string clip = sha256("clip").name(), pictures = sha256("pictures").name();

  EXPECT_EQ(inputs(units[0]), (std::set<std::string>{pictures, clip}));
  EXPECT_EQ(inputs(ready), std::set<std::string>{pictures});
  EXPECT_EQ(inputs(units[1]).size(), 4U);
  EXPECT_TRUE(inputs(units[2]).empty());
  EXPECT_EQ(outputs(units[0]), std::set<std::string>{kReferenceArtifact});
  EXPECT_EQ(outputs(units[1]),
            (std::set<std::string>{"picture/64", "picture/65",
                                   rows_artifact(extractor_id(extractor("clip"))),
                                   rows_artifact(extractor_id(extractor("mini-features")))}));
  EXPECT_TRUE(outputs(units[2]).empty());
}

TEST(Units, AskSqlByNames) {
  EXPECT_EQ(with_numbers("u.kind = #generate AND u.state IN (#open,#cancelled)"),
            "u.kind = 2 AND u.state IN (1,4)");
  EXPECT_EQ(with_numbers("SELECT 1"), "SELECT 1");
  EXPECT_DEATH((void)with_numbers("u.kind = #generated"), "there are");
}

TEST(Units, KnowPicturesFromOtherArtifacts) {
  EXPECT_EQ(image_of_picture(picture_artifact(17)), 17U);
  for (const char* other : {"rows/17", "picture/", "picture/x", "picture/1x", "reference"})
    EXPECT_EQ(image_of_picture(other), std::nullopt) << other;
}

TEST(Units, KnowPicturesOfItemsFromOtherArtifacts) {
  EXPECT_EQ(item_artifact(tasks::Slot::kMask, 17), "mask/17");
  for (const tasks::Slot slot : kPictureSlots) {
    const std::string name = item_artifact(slot, 17);
    EXPECT_EQ(item_of_artifact(name), (ItemArtifact{slot, 17}));
    EXPECT_TRUE(is_for_people(name));
  }
  EXPECT_TRUE(is_for_people("picture/17"));
  for (const char* other : {"rows/17", "picture/1", "source", "source/", "mask/1x", "prompt/1",
                            "source_text/1", "reference"})
    EXPECT_EQ(item_of_artifact(other), std::nullopt) << other;
  EXPECT_FALSE(is_for_people("rows/17"));
}

// Beside each picture that is kept, what it was made from: a factor smaller, and not needed.
TEST(Units, MayLeaveThePicturesOfTheirItems) {
  auto unit = std::get<GenerateUnit>(one_of_each()[1]);
  unit.sample.height = 64;
  unit.sample.width = 32;
  unit.sample.items.kind = "files";
  unit.sample.items.factor = 4;

  const auto outputs = row_of(UnitKind::kGenerate).outputs(unit);

  EXPECT_EQ(outputs.size(), 2U + 2U + 3U * 2U);
  using Form = ArtifactForm;
  const Form small{.kind = Form::Kind::kPicture, .height = 16, .width = 8, .is_needed = false};
  EXPECT_EQ(outputs.at("source/64"), small);
  EXPECT_EQ(outputs.at("mask/65"), small);
  EXPECT_EQ(outputs.at("target/65"),
            (Form{.kind = Form::Kind::kPicture, .height = 64, .width = 32, .is_needed = false}));
  EXPECT_TRUE(outputs.at("picture/64").is_needed);
}

TEST(UnitName, SaysKeyAndRange) {
  const auto unit = std::get<GenerateUnit>(one_of_each()[1]);

  EXPECT_TRUE(
      unit_name(unit).starts_with("generate/" + sample_key(unit.sample).hex() + "/64-128/"));
}

}  // namespace
}  // namespace isocost::units

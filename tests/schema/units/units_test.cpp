#include <gtest/gtest.h>

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

TEST(UnitName, SaysKeyAndRange) {
  const auto unit = std::get<GenerateUnit>(one_of_each()[1]);

  EXPECT_TRUE(
      unit_name(unit).starts_with("generate/" + sample_key(unit.sample).hex() + "/64-128/"));
}

}  // namespace
}  // namespace isocost::units

#include "coordinator/core/result_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isocost::core {
namespace {

using ::testing::HasSubstr;

const ExtractorSpec kExtractor{"clip", sha256("clip").name(), Json::object()};

GenerateUnit generate_unit() {
  GenerateUnit unit;
  unit.sample.prompts = sha256("").name();
  unit.range = {64, 128};
  unit.extractors = {kExtractor};
  unit.keep_pictures = 66;
  return unit;
}

UnitResult generate_result() {
  UnitResult result;
  result.artifacts = {{"rows/" + extractor_id(kExtractor), sha256("rows"), 4},
                      {"picture/64", sha256("64"), 5},
                      {"picture/65", sha256("65"), 6}};
  return result;
}

std::string score_body(const std::string& metric) {
  ScoreUnit unit;
  unit.score = {.metric = metric, .extractor = kExtractor, .reference = {}, .range = {0, 64}};
  return body_text(unit);
}

// What is wrong with a result; empty: nothing.
std::string fault_of(UnitKind kind, const std::string& body, const UnitResult& result,
                     const LookAtArtifact& look = {}) {
  const auto failure = check_result(kind, body, result, look);
  return failure ? failure->reason : "";
}

std::string score_fault(const std::string& metric, const Json& values) {
  UnitResult result;
  result.values = values;
  return fault_of(UnitKind::kScore, score_body(metric), result);
}

TEST(ResultCheck, WantsEveryArtifactOfAUnitAndNoOther) {
  const std::string body = body_text(generate_unit());
  const UnitResult whole = generate_result();

  EXPECT_EQ(fault_of(UnitKind::kGenerate, body, whole), "");
  for (std::size_t i = 0; i < whole.artifacts.size(); ++i) {
    UnitResult less = whole;
    less.artifacts.erase(less.artifacts.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THAT(fault_of(UnitKind::kGenerate, body, less), HasSubstr("is missing"));
  }
  for (const char* name : {"picture/66", "picture/0", "rows/other", "reference"}) {
    UnitResult more = whole;
    more.artifacts.push_back({name, sha256("more"), 1});
    EXPECT_THAT(fault_of(UnitKind::kGenerate, body, more), HasSubstr("is none of its")) << name;
  }
  UnitResult twice = whole;
  twice.artifacts.push_back(whole.artifacts[0]);
  EXPECT_THAT(fault_of(UnitKind::kGenerate, body, twice), HasSubstr("stands twice"));
}

// What an older worker does not send, or what an item does not have, is nobody's fault.
TEST(ResultCheck, TakesThePicturesOfItemsWhereThereAreAny) {
  GenerateUnit unit = generate_unit();
  UnitResult result = generate_result();
  result.artifacts.push_back({"source/64", sha256("source"), 7});
  EXPECT_THAT(fault_of(UnitKind::kGenerate, body_text(unit), result), HasSubstr("is none of its"));
  unit.sample.items.kind = "files";

  EXPECT_EQ(fault_of(UnitKind::kGenerate, body_text(unit), generate_result()), "");
  EXPECT_EQ(fault_of(UnitKind::kGenerate, body_text(unit), result), "");

  result.artifacts.back().name = "source/66";
  EXPECT_THAT(fault_of(UnitKind::kGenerate, body_text(unit), result), HasSubstr("is none of its"));
}

// The file of each is looked at, as what its name says.
TEST(ResultCheck, HasEveryArtifactLookedAt) {
  const std::string body = body_text(generate_unit());
  std::vector<ArtifactForm::Kind> kinds;
  const auto look = [&](const ArtifactRef& artifact,
                        const ArtifactForm& form) -> std::optional<std::string> {
    kinds.push_back(form.kind);
    if (form.kind == ArtifactForm::Kind::kRows) {
      EXPECT_EQ(form.rows, 64U);
    }
    if (artifact.name == "picture/65") return "it is no PNG";
    return std::nullopt;
  };

  EXPECT_THAT(fault_of(UnitKind::kGenerate, body, generate_result(), look),
              HasSubstr("the artifact picture/65: it is no PNG"));
  EXPECT_THAT(kinds, ::testing::ElementsAre(ArtifactForm::Kind::kRows, ArtifactForm::Kind::kPicture,
                                            ArtifactForm::Kind::kPicture));
}

TEST(ResultCheck, WantsStatisticsOfAReferenceAlone) {
  const std::string body =
      body_text(ReferenceUnit{{"world", "", kExtractor, {{"split", "validation"}}}});
  UnitResult result;
  EXPECT_THAT(fault_of(UnitKind::kReference, body, result), HasSubstr("is missing"));

  result.artifacts = {{"reference", sha256("r"), 1}};

  EXPECT_EQ(fault_of(UnitKind::kReference, body, result), "");
}

TEST(ResultCheck, WantsAValueThatItsMetricCanHave) {
  EXPECT_EQ(score_fault("fid", {{"value", 1.5}}), "");
  EXPECT_EQ(score_fault("kid", {{"value", -0.001}}), "");
  EXPECT_EQ(score_fault("clip_score", {{"value", 31}}), "");
  for (const Json& value :
       std::vector<Json>{nullptr, "12.5", true, Json::array({1}), Json::object(), -1e308, -20}) {
    EXPECT_NE(score_fault("fid", {{"value", value}}), "") << value;
    EXPECT_NE(score_fault("attribute_accuracy", {{"value", value}}), "") << value;
  }
  EXPECT_NE(score_fault("fid", Json::object()), "");
  EXPECT_NE(score_fault("fid", {{"value", 1e308}}), "");
  EXPECT_NE(score_fault("attribute_accuracy", {{"value", 1.5}}), "");
  EXPECT_NE(score_fault("kid", {{"value", -1e308}}), "");
}

TEST(ResultCheck, WantsAnIntervalAndANumberOfImagesThatGoTogether) {
  const Json good = {{"value", 2}, {"low", 1}, {"high", 3}, {"n", 64}};
  EXPECT_EQ(score_fault("fid", good), "");
  for (const auto& [member, value] : std::vector<std::pair<const char*, Json>>{{"low", "1"},
                                                                               {"low", 4},
                                                                               {"high", nullptr},
                                                                               {"high", 1e300},
                                                                               {"n", 65},
                                                                               {"n", 0},
                                                                               {"n", "64"}}) {
    Json bad = good;
    bad[member] = value;
    EXPECT_NE(score_fault("fid", bad), "") << bad;
  }
}

TEST(ResultCheck, WantsMeasurementsThatAMachineCanMake) {
  UnitResult result;
  result.values = {{"value", 1.5}};
  for (const Json& measured : std::vector<Json>{{{"seconds", -1}},
                                                {{"seconds", 1e300}},
                                                {{"seconds", "2"}},
                                                {{"peak_bytes", -5}},
                                                {{"energy_joules", nullptr}}}) {
    result.measured = measured;
    EXPECT_NE(fault_of(UnitKind::kScore, score_body("fid"), result), "") << measured;
  }
  result.measured = {{"seconds", 0.5}, {"peak_bytes", 1000}, {"device", "cpu"}};
  EXPECT_EQ(fault_of(UnitKind::kScore, score_body("fid"), result), "");
}

// Of equal pictures some metrics have no value that is a number.
TEST(ResultCheck, TakesAScoreWithoutEndWhereTheMetricHasSuch) {
  const Json endless = {{"value", nullptr}, {"n", 64}, {"infinite", 3}};

  EXPECT_EQ(score_fault("psnr", endless), "");
  EXPECT_THAT(score_fault("ssim", endless), HasSubstr("'value' is null"));
  EXPECT_THAT(score_fault("psnr", {{"value", nullptr}, {"n", 64}}), HasSubstr("'value' is null"));
  EXPECT_THAT(score_fault("psnr", {{"value", nullptr}, {"infinite", 0}}),
              HasSubstr("'value' is null"));
}

}  // namespace
}  // namespace isocost::core

#include "coordinator/core/result_check.h"

#include <gtest/gtest.h>

namespace isocost::core {
namespace {

TEST(ResultCheck, MissesTheRowsOfAnExtractor) {
  GenerateUnit unit;
  unit.sample.prompts = sha256("").name();
  unit.range = {0, 64};
  unit.extractors = {{"clip", sha256("clip").name(), Json::object()}};
  const std::string body = canonical(to_json(unit));
  UnitResult result;

  EXPECT_TRUE(check_result(UnitKind::kGenerate, body, result).has_value());
  result.artifacts.push_back({"rows/" + extractor_id(unit.extractors[0]), sha256("rows"), 4});
  EXPECT_FALSE(check_result(UnitKind::kGenerate, body, result).has_value());
}

TEST(ResultCheck, WantsAValueOfAScoreAndStatisticsOfAReference) {
  UnitResult result;
  EXPECT_TRUE(check_result(UnitKind::kScore, "{}", result).has_value());
  EXPECT_TRUE(check_result(UnitKind::kReference, "{}", result).has_value());

  result.values = {{"value", 1.5}};
  result.artifacts = {{"reference", sha256("r"), 1}};

  EXPECT_FALSE(check_result(UnitKind::kScore, "{}", result).has_value());
  EXPECT_FALSE(check_result(UnitKind::kReference, "{}", result).has_value());
}

TEST(ResultCheck, RefusesANameThatStandsTwice) {
  UnitResult result;
  result.values = {{"value", 1.5}};
  result.artifacts = {{"a", sha256("1"), 1}, {"a", sha256("2"), 1}};

  EXPECT_TRUE(check_result(UnitKind::kScore, "{}", result).has_value());
}

}  // namespace
}  // namespace isocost::core

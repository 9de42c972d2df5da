#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/json_reader.h"

namespace isocost {
namespace {

TEST(CanonicalJson, PrintsNumbersAsEcmaScriptDoes) {
  EXPECT_EQ(number_text(0.0), "0");
  EXPECT_EQ(number_text(-0.0), "0");
  EXPECT_EQ(number_text(1.0), "1");
  EXPECT_EQ(number_text(7.5), "7.5");
  EXPECT_EQ(number_text(-1234.5), "-1234.5");
  EXPECT_EQ(number_text(1e20), "100000000000000000000");
  EXPECT_EQ(number_text(1e21), "1e+21");
  EXPECT_EQ(number_text(1.5e300), "1.5e+300");
  EXPECT_EQ(number_text(0.000001), "0.000001");
  EXPECT_EQ(number_text(0.0000001), "1e-7");
  EXPECT_EQ(number_text(5e-324), "5e-324");
  EXPECT_EQ(number_text(0.00085), "0.00085");
}

TEST(CanonicalJson, SortsKeysByUtf16CodeUnits) {
  // The RFC's own example: U+1F600 (surrogates D83D DE00) stands before U+FB33.
  const Json value = {
      {"\xEF\xAC\xB3", 1}, {"\xF0\x9F\x98\x80", 2}, {"\xE2\x82\xAC", 3}, {"1", 4}, {"\r", 5}};

  EXPECT_EQ(canonical(value),
            "{\"\\r\":5,\"1\":4,\"\xE2\x82\xAC\":3,\"\xF0\x9F\x98\x80\":2,\"\xEF\xAC\xB3\":1}");
}

TEST(CanonicalJson, TellsIntegersAndEqualDoublesAlike) {
  EXPECT_EQ(canonical(Json(3)), canonical(Json(3.0)));
}

TEST(ParseJson, SaysWhereTheTextGoesWrong) {
  const auto result = parse_json("{\"a\": 1,\n \"b\": }", "x.json");

  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), ::testing::HasSubstr("x.json:2:"));
}

TEST(ParseJson, RefusesAKeyThatStandsTwice) {
  EXPECT_FALSE(parse_json("{\"a\": 1, \"a\": 2}", "x.json"));
}

TEST(ParseJson, RefusesDeepNesting) {
  EXPECT_FALSE(parse_json(std::string(100, '[') + std::string(100, ']'), "x.json"));
}

TEST(ParseJson, RefusesNumbersBeyondADouble) {
  for (const char* number : {"1e999", "-1e999", "1e309", "123456789e400"}) {
    const auto result = parse_json(std::string("{\"a\": [1,\n ") + number + "]}", "x.json");

    ASSERT_FALSE(result) << number;
    EXPECT_THAT(result.error().message(), ::testing::HasSubstr("x.json:2:"));
    EXPECT_THAT(result.error().message(),
                ::testing::HasSubstr(std::string("the number ") + number + " is beyond"));
  }
  EXPECT_EQ(canonical(*parse_json("[1.7e308, 1e-999, 99999999999999999999]", "x.json")),
            "[1.7e+308,0,100000000000000000000]");
}

TEST(ParseJson, SeesWhatFollowsAZeroByte) {
  EXPECT_FALSE(parse_json(std::string("{}\0 garbage", 11), "x.json"));
}

TEST(ParseJson, BoundsTheNumberOfValues) {
  const std::string text = "[1, [2, 3], {\"a\": 4}]";

  EXPECT_TRUE(parse_json(text, "x.json", {.values_max = 7}));
  EXPECT_FALSE(parse_json(text, "x.json", {.values_max = 6}));
}

TEST(ParseJson, GivesTheTreeThatTheLibraryGives) {
  const std::string text =
      R"({"a": [true, null, -5, 18446744073709551615, 1.5, "\u20ac"], "b": {"c": []}, "d": "x"})";

  EXPECT_EQ(*parse_json(text, "x.json"), Json::parse(text));
}

class ParseJsonList : public ::testing::Test {
 protected:
  Result<Json> parse(const std::string& text, std::size_t kept_bytes_max = 1000) {
    std::istringstream in(text);
    return parse_json_list(in, "x.json", "cells", {.values_max = 14}, kept_bytes_max,
                           [this](const Json& element) {
                             elements.push_back(element);
                             return elements.size() < 100;
                           });
  }
  std::vector<Json> elements;
};

TEST_F(ParseJsonList, HandsOverOneElementAfterTheOther) {
  const auto rest = parse(R"({"a": {"cells": [1]}, "cells": [{"x": [1, 2]}, 3, []], "b": "c"})");

  ASSERT_TRUE(rest) << rest.error().message();
  EXPECT_EQ(*rest, Json::parse(R"({"a": {"cells": [1]}, "cells": [], "b": "c"})"));
  EXPECT_EQ(elements, (std::vector<Json>{Json{{"x", {1, 2}}}, 3, Json::array()}));
}

TEST_F(ParseJsonList, BoundsAnElementAndTheRestAndNotTheirNumber) {
  std::string many = R"({"cells": [)";
  for (int i = 0; i < 50; ++i) many += R"({"x": "0123456789012345678901234567890123456789"},)";

  EXPECT_TRUE(parse(many + "1]}"));
  EXPECT_EQ(elements.size(), 51U);
  EXPECT_FALSE(parse(R"({"cells": [[1,2,3,4,5,6,7,8,9,10,11,12,13]]})"));
  EXPECT_FALSE(parse(R"({"a": [1,2,3,4,5,6,7], "b": [1,2,3,4,5,6,7]})"));
  EXPECT_FALSE(parse("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"));
  EXPECT_FALSE(parse(R"({"a": ")" + std::string(600, 'x') + R"(", "b": ")" + std::string(600, 'x') +
                     R"("})"));
  // One text alone, within an element or not: the parser would hold all of it.
  EXPECT_FALSE(parse(R"({"cells": [")" + std::string(2000, 'x') + R"("]})"));
}

TEST_F(ParseJsonList, SaysWhereTheTextGoesWrong) {
  const auto rest = parse("{\"cells\": [1, 2, }");
  ASSERT_FALSE(rest);
  EXPECT_THAT(rest.error().message(), ::testing::HasSubstr("byte 17"));
  EXPECT_FALSE(parse("{\"cells\": []} more"));
  EXPECT_FALSE(parse(std::string("{\"cells\": []}\0 more", 19)));
  EXPECT_FALSE(parse("{\"cells\": [1e999]}"));
  EXPECT_FALSE(parse(""));
}

TEST_F(ParseJsonList, EndsWhereNoMoreIsWanted) {
  std::string many = "{\"cells\": [";
  for (int i = 0; i < 1000; ++i) many += "1,";

  static_cast<void>(parse(many));

  EXPECT_EQ(elements.size(), 100U);
}

TEST(JsonReader, TakesNoTextForAnInfiniteNumber) {
  const Json json = {{"a", "Infinity"}, {"b", 1e300}};
  JsonReader reader(json, "x.json");

  EXPECT_EQ(reader.get<double>("a"), 0);
  EXPECT_EQ(reader.get<float>("b"), 0);
  EXPECT_EQ(reader.take().errors.size(), 2U);
}

TEST(ParsePythonJson, TakesTheNumbersThatJsonDoesNotHave) {
  const auto config = parse_python_json(
      R"({"lambda_min_clipped": -Infinity, "note": "NaN \" Infinity"})", "x.json");

  ASSERT_TRUE(config) << config.error().message();
  JsonReader reader(*config, "x.json");
  EXPECT_EQ(reader.get<std::string>("lambda_min_clipped"), "-Infinity");
  EXPECT_EQ(reader.get<std::string>("note"), "NaN \" Infinity");
}

TEST(Digest, AgreesWithThePublishedAnswer) {
  EXPECT_EQ(sha256("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::parse(sha256("abc").name()), sha256("abc"));
  EXPECT_FALSE(Digest::parse("sha256:12"));
}

}  // namespace
}  // namespace isocost

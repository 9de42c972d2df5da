#include "schema/spec.h"

#include <gtest/gtest.h>

#include <sstream>

namespace isocost {
namespace {

const std::string kDigest = sha256("x").name();

SampleSpec sample() {
  SampleSpec spec;
  spec.task = "text-to-image";
  spec.inputs = {{"unet", kDigest}, {"vae", kDigest}};
  spec.sampler = {{"sampler", "ddim"}, {"steps", 10}};
  spec.guidance = 3.0;
  spec.prompts = kDigest;
  return spec;
}

TEST(SampleSpec, SurvivesItsJsonForm) {
  const auto back = sample_spec_from_json(to_json(sample()), "test");

  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, sample());
}

TEST(SampleSpec, KeepsItsKeyOverTheWire) {
  const Json wire = Json::parse(to_json(sample()).dump());

  EXPECT_EQ(sample_key(*sample_spec_from_json(wire, "test")), sample_key(sample()));
}

// Keys from before there were parameters stay what they were.
TEST(SampleSpec, HasParametersInItsKeyWhereThereAreAny) {
  SampleSpec spec = sample();
  EXPECT_FALSE(to_json(spec).contains("parameters"));

  spec.parameters = {{"strength", 0.5}};

  EXPECT_NE(sample_key(spec), sample_key(sample()));
  EXPECT_EQ(sample_spec_from_json(to_json(spec), "test").value(), spec);
  Json json = to_json(spec);
  json["parameters"] = 3;
  EXPECT_FALSE(sample_spec_from_json(json, "test"));
}

TEST(SampleSpec, ReportsEveryFaultAtOnce) {
  Json json = to_json(sample());
  json["seed"] = "seven";
  json["group_size"] = 0;
  json["stpes"] = 3;

  const auto result = sample_spec_from_json(json, "test");

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().errors.size(), 3U);
}

TEST(CellRequest, SurvivesItsJsonForm) {
  CellRequest cell;
  cell.labels = {{"model", "w8"}, {"steps", 10}};
  cell.sample = sample();
  cell.images = {0, 512};
  cell.scores = {{.metric = "fid",
                  .extractor = {"mini-features", kDigest, Json::object()},
                  .reference = "",
                  .range = {0, 512}}};
  cell.cost.gflops_per_call = 0.125;

  const auto back = cell_request_from_json(to_json(cell), "test");

  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, cell);
}

TEST(Submission, IsTheSameReadCellByCell) {
  Submission submission;
  submission.name = "study";
  submission.axes = {"steps"};
  for (int i = 0; i < 3; ++i) {
    CellRequest cell;
    cell.labels = {{"steps", i}};
    cell.sample = sample();
    cell.images = {0, 64};
    submission.cells.push_back(cell);
  }
  std::istringstream text(to_json(submission).dump());
  Json wrong = to_json(submission);
  wrong["cells"][1]["images"] = "all";
  wrong["cells"][2]["labels"] = 3;
  std::istringstream wrong_text(wrong.dump());

  const auto back = submission_from_text(text, "test");
  const auto faults = submission_from_text(wrong_text, "test");

  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, submission);
  ASSERT_FALSE(faults);
  EXPECT_NE(faults.error().message().find("test.cells[1].images"), std::string::npos);
  EXPECT_NE(faults.error().message().find("test.cells[2].labels"), std::string::npos);
}

// Sums and products of prices are printed and sorted: none may overflow.
TEST(CellRequest, RefusesPricesThatNoModelHas) {
  CellRequest cell;
  cell.sample = sample();
  for (const auto& [member, value] : std::map<std::string, Json>{{"gflops_per_call", 1e308},
                                                                 {"gflops_decode", -1.0},
                                                                 {"gflops_text", "Infinity"},
                                                                 {"calls_per_image", ~0ULL},
                                                                 {"weight_bytes", ~0ULL}}) {
    Json json = to_json(cell);
    json["cost"][member] = value;

    EXPECT_FALSE(cell_request_from_json(json, "test")) << member;
  }
  Json json = to_json(cell);
  json["sample"]["guidance"] = "Infinity";
  EXPECT_FALSE(cell_request_from_json(json, "test"));
}

}  // namespace
}  // namespace isocost

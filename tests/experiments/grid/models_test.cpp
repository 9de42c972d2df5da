#include "experiments/grid/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/grid/expand.h"
#include "tests/experiments/grid/fake_catalog.h"
#include "tests/experiments/grid/small_grid.h"

namespace isocost::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> labels_of(const std::vector<Json>& values) {
  Failure failure;
  const auto labels = model_labels({values.begin(), values.end()}, failure, "g.yaml:3:3");
  EXPECT_TRUE(failure.is_empty()) << failure.message();
  std::vector<std::string> found;
  for (const Json& value : values) found.push_back(labels.at(value));
  return found;
}

std::string hub(const std::string& repository, const std::string& revision) {
  return "hub/models--" + repository + "/snapshots/" + revision;
}

TEST(ModelLabels, OfACacheAreItsRepositories) {
  EXPECT_THAT(labels_of({hub("org--alpha", "0123456789abcdef"), hub("org--beta", "89abcdef")}),
              ElementsAre("alpha", "beta"));
  EXPECT_THAT(labels_of({hub("org--alpha", "01"), hub("other--alpha", "02"), hub("gpt2", "03")}),
              ElementsAre("org/alpha", "other/alpha", "gpt2"));
}

TEST(ModelLabels, OfTwoSnapshotsTellTheRevision) {
  EXPECT_THAT(labels_of({hub("org--alpha", "0123456789"), hub("org--alpha", "abcdef0123")}),
              ElementsAre("alpha@0123456", "alpha@abcdef0"));
}

TEST(ModelLabels, OfTwoVariantsTellTheVariant) {
  const Json halves = {{"path", "models/sd15"}, {"variant", "fp16"}};
  EXPECT_THAT(labels_of({"models/sd15", halves}), ElementsAre("sd15", "sd15 (fp16)"));
  EXPECT_THAT(labels_of({halves}), ElementsAre("sd15"));
  EXPECT_THAT(labels_of({"a/sd15", halves}), ElementsAre("a/sd15", "models/sd15"));
}

TEST(ModelLabels, AreTheNamesThatAGridGives) {
  const Json named = {{"path", "models/a"}, {"as", "b"}};
  EXPECT_THAT(labels_of({named, "models/b"}), ElementsAre("b", "models/b"));

  Failure failure;
  (void)model_labels({named, Json{{"path", "models/c"}, {"as", "b"}}}, failure, "g.yaml:3:3");
  EXPECT_THAT(failure.message(), HasSubstr("g.yaml:3:3: two models are to be called 'b'"));
}

Submission submission_of(const std::string& axes, const std::string& more = "") {
  const auto grid = parse_grid(grid_text(axes) + more, "g.yaml");
  EXPECT_TRUE(grid) << grid.error().message();
  testing::FakeCatalog catalog;
  auto submission = expand(*grid, catalog);
  EXPECT_TRUE(submission) << submission.error().message();
  return std::move(*submission);
}

std::vector<std::string> models_of(const Submission& submission) {
  std::vector<std::string> models;
  for (const CellRequest& cell : submission.cells) models.push_back(cell.labels["model"]);
  return models;
}

TEST(GridModels, HaveVariantsAndNames) {
  const auto submission = submission_of(
      "  model: [models/a, {path: models/a, variant: fp16}, {path: models/b, as: best}]\n"
      "  sampler: ddim\n  steps: 4\n");

  EXPECT_THAT(models_of(submission), ElementsAre("a", "a (fp16)", "best"));
  EXPECT_NE(submission.cells[0].sample.inputs, submission.cells[1].sample.inputs);
}

TEST(GridModels, AVariantGoesToAllThatAPatternMatches) {
  EXPECT_THAT(models_of(submission_of("  model: {path: models/*, variant: fp16}\n"
                                      "  sampler: ddim\n  steps: 4\n")),
              ElementsAre("a", "b"));
}

TEST(GridModels, AreMeantByNameOrPathInConditions) {
  const std::string axes =
      "  model: [models/a, {path: models/a, variant: fp16}, {path: models/b, as: best}]\n"
      "  sampler: ddim\n  steps: [4, 10]\n";

  EXPECT_THAT(models_of(submission_of(axes,
                                      "exclude:\n  - {model: best, steps: 10}\n"
                                      "  - {model: models/a, steps: 4}\n")),
              ElementsAre("a", "a (fp16)", "best"));
  EXPECT_THAT(models_of(submission_of(axes, "exclude:\n  - {model: \"!= best\"}\n")),
              ElementsAre("best", "best"));
  EXPECT_THAT(models_of(submission_of(axes,
                                      "exclude:\n  - {steps: \"> 1\"}\n"
                                      "include:\n  - {model: best, steps: 20}\n")),
              ElementsAre("best"));
}

TEST(GridModels, AreRefusedWhereTheyMakeNoSense) {
  const auto fault = [](const std::string& model) {
    const auto grid =
        parse_grid(grid_text("  model: " + model + "\n  sampler: ddim\n  steps: 4\n"), "g.yaml");
    testing::FakeCatalog catalog;
    const auto submission = grid ? expand(*grid, catalog) : Result<Submission>(fail(grid.error()));
    return submission ? "no fault" : submission.error().message();
  };
  EXPECT_THAT(fault("{variant: fp16}"), HasSubstr("this model has no path"));
  EXPECT_THAT(fault("[{path: models/a, varaint: fp16}]"), HasSubstr("'variant'?"));
  EXPECT_THAT(fault("[{path: models/a, as: \"\"}]"), HasSubstr("'as' of a model does not fit"));
  EXPECT_THAT(fault("{path: \"models/*\", as: x}"),
              HasSubstr("'x' is to be the name of the 2 models that 'models/*' matches"));
  EXPECT_THAT(fault("[models/a, {path: models/a, as: models}, {path: models/b, as: models}]"),
              HasSubstr("two models are to be called 'models'"));
}

}  // namespace
}  // namespace isocost::experiments

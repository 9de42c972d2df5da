#include "experiments/grid/cost.h"

#include <gtest/gtest.h>

namespace isocost::experiments {
namespace {

CellRequest cell_of(const std::string& model, int steps, double gflops) {
  CellRequest cell;
  cell.labels = {{"model", model}, {"steps", steps}, {"seed", 0}};
  cell.images = {0, 10};
  cell.cost.calls_per_image = static_cast<std::uint64_t>(steps);
  cell.cost.gflops_per_call = gflops;
  return cell;
}

Submission submission_of(std::vector<CellRequest> cells) {
  Submission submission;
  submission.axes = {"model", "steps", "seed", "not a label"};
  submission.cells = std::move(cells);
  return submission;
}

TEST(Cost, IsSharedOutAmongTheValuesOfEachAxis) {
  const auto axes = cost_by_axis(submission_of(
      {cell_of("a", 1, 1), cell_of("a", 3, 1), cell_of("b", 1, 2), cell_of("b", 3, 2)}));

  ASSERT_EQ(axes.size(), 3U);
  EXPECT_EQ(axes[0].values[1].value, "b");
  EXPECT_EQ(axes[0].values[1].cells, 2U);
  EXPECT_DOUBLE_EQ(axes[0].values[1].gflops, 80);
  EXPECT_DOUBLE_EQ(axes[0].values[1].share, 2.0 / 3);
  EXPECT_DOUBLE_EQ(axes[1].values[1].share, 3.0 / 4);
  EXPECT_EQ(axes[1].dearest_first().front().value, 3);
}

TEST(Cost, IsGreatestAlongTheAxisThatIsLeastEven) {
  const auto axes = cost_by_axis(submission_of(
      {cell_of("a", 1, 1), cell_of("a", 3, 1), cell_of("b", 1, 2), cell_of("b", 3, 2)}));

  ASSERT_NE(most_costly(axes), nullptr);
  EXPECT_EQ(most_costly(axes)->name, "steps");
}

TEST(Cost, OfAValueWithManyCellsIsNoReasonToNameItsAxis) {
  const auto axes = cost_by_axis(submission_of(
      {cell_of("a", 4, 1), cell_of("a", 5, 1), cell_of("a", 6, 1), cell_of("b", 6, 1)}));

  EXPECT_EQ(most_costly(axes)->name, "steps");
}

TEST(Cost, NamesNoAxisWhereNoneHasSeveralValues) {
  EXPECT_EQ(most_costly(cost_by_axis(submission_of({cell_of("a", 4, 1)}))), nullptr);
}

}  // namespace
}  // namespace isocost::experiments

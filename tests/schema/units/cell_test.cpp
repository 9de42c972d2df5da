#include "schema/units/cell.h"

#include <gtest/gtest.h>

namespace isocost {
namespace {

constexpr CellProgress::Wish kWish{.images = 128, .keep_pictures = 8};

TEST(CellProgress, IsDoneWithItsImagesPicturesAndScores) {
  CellProgress progress(kWish);
  progress.add_images({0, 64}, 8, UnitState::kDone);
  EXPECT_EQ(progress.state(), CellState::kOpen);
  progress.add_images({64, 128}, 0, UnitState::kDone);
  EXPECT_EQ(progress.state(), CellState::kDone);
  progress.add_score(UnitState::kOpen);
  EXPECT_EQ(progress.state(), CellState::kOpen);
}

TEST(CellProgress, WantsEveryImageAndPicture) {
  CellProgress gap(kWish), dark(kWish), few({.images = 4, .keep_pictures = 8});
  gap.add_images({0, 32}, 8, UnitState::kDone);
  gap.add_images({64, 128}, 0, UnitState::kDone);
  dark.add_images({0, 128}, 7, UnitState::kDone);
  few.add_images({0, 64}, 4, UnitState::kDone);

  EXPECT_EQ(gap.state(), CellState::kOpen);
  EXPECT_EQ(dark.state(), CellState::kOpen);
  EXPECT_EQ(few.state(), CellState::kDone);  // there are no more pictures than images
}

// Cells share samples: what another one wanted of it, and what became of that, is not its own.
TEST(CellProgress, IsDoneWhateverBecameOfUnitsThatOthersWanted) {
  CellProgress progress(kWish);
  progress.add_images({0, 128}, 8, UnitState::kDone);
  progress.add_images({0, 128}, 0, UnitState::kFailed);
  progress.add_images({0, 64}, 0, UnitState::kCancelled);
  progress.add_images({128, 256}, 0, UnitState::kFailed);
  progress.add_score(UnitState::kDone);

  EXPECT_EQ(progress.state(), CellState::kDone);
}

TEST(CellProgress, IsFailedWhereSomethingIsMissingThatFailed) {
  CellProgress image(kWish), score(kWish);
  image.add_images({0, 64}, 8, UnitState::kDone);
  image.add_images({64, 128}, 0, UnitState::kFailed);
  score.add_images({0, 128}, 8, UnitState::kDone);
  score.add_score(UnitState::kFailed);

  EXPECT_EQ(image.state(), CellState::kFailed);
  EXPECT_EQ(score.state(), CellState::kFailed);
}

TEST(CellProgress, IsCancelledWithItsExperimentUnlessItIsOver) {
  CellProgress open({.images = 64, .is_cancelled = true}), done = open;
  done.add_images({0, 64}, 0, UnitState::kDone);

  EXPECT_EQ(open.state(), CellState::kCancelled);
  EXPECT_EQ(done.state(), CellState::kDone);
}

}  // namespace
}  // namespace isocost

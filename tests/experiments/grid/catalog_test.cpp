#include "experiments/grid/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/process.h"

namespace isocost::experiments {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

TEST(Catalog, ListsWhatAPatternMatchesWithNumbersByTheirValue) {
  const isocost::testing::ScratchFolder folder;
  for (const char* name : {"w16", "w8", "w100", "notes"})
    fs::create_directories(folder / name / "unet");
  fs::create_directories(folder / "w9");  // no model

  const auto found = disk_catalog(folder.path())->models("w*", "g.yaml");

  ASSERT_TRUE(found) << found.error().message();
  EXPECT_THAT(*found, ElementsAre("w8", "w16", "w100"));
}

TEST(Catalog, SaysWhichPatternMatchesNothing) {
  const isocost::testing::ScratchFolder folder;

  const auto found = disk_catalog(folder.path())->models("models/x*", "g.yaml:3:5");

  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message(),
            "g.yaml:3:5: the pattern 'models/x*' matches no model folder; expected a folder with "
            "unet/ in it");
}

}  // namespace
}  // namespace isocost::experiments

// Each grid of tests/golden/grids is refused with exactly the text beside it. With
// UPDATE_GOLDEN=1 the texts are written instead: read them before they are committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/io/atomic_file.h"
#include "experiments/grid/expand.h"

namespace isocost::experiments {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> wrong_grids() {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::directory_iterator(fs::path(ISOCOST_SOURCE_DIR) / "tests/golden/grids"))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class WrongGrid : public ::testing::TestWithParam<fs::path> {};

TEST_P(WrongGrid, IsRefusedInTheWordsBesideIt) {
  fs::current_path(GetParam().parent_path());  // so that messages name files as a user there does
  const auto loaded = load_grid(GetParam().filename());
  ASSERT_FALSE(loaded);
  const std::string said = loaded.error().message() + "\n";
  const fs::path beside = fs::path(GetParam()).replace_extension(".txt");

  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    io::write_file_atomically(beside, said);
    return;
  }
  const auto expected = io::read_file(beside);

  ASSERT_TRUE(expected) << expected.error().message();
  EXPECT_EQ(said, *expected);
}

INSTANTIATE_TEST_SUITE_P(Golden, WrongGrid, ::testing::ValuesIn(wrong_grids()),
                         [](const ::testing::TestParamInfo<fs::path>& one) {
                           return one.param.stem().string();
                         });

}  // namespace
}  // namespace isocost::experiments

// cmake --install: the programs find what lies beside them, wherever that is. And the first grid
// that a reader meets is one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "tests/support/process.h"

namespace isocost {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
using testing::ScratchFolder;

TEST(Install, FindsTheMiniFamilyFromItsPrefix) {
  const ScratchFolder folder;
  const fs::path prefix = folder / "prefix";
  const auto installed = testing::run(
      {"/usr/bin/env", "cmake", "--install", ISOCOST_BINARY_DIR, "--prefix", prefix.string()},
      2min);
  ASSERT_EQ(installed.status, 0) << installed.output;
  // Nothing of the checkout may help: neither its folder nor the environment.
  const auto in_nowhere = [&](std::vector<std::string> command) {
    command.insert(command.begin(), {"/usr/bin/env", "--chdir=/", "--unset=ISOCOST_MINI"});
    return testing::run(command, 1min);
  };

  const auto plan =
      in_nowhere({(prefix / "bin/isocost").string(), "plan",
                  (prefix / "share/isocost/experiments/demo.yaml").string(), "--json"});
  EXPECT_EQ(plan.status, 0) << plan.output;
  EXPECT_THAT(plan.output, HasSubstr("cells"));

  if (fs::exists(testing::program("isocost-worker"))) {
    const auto inspected =
        in_nowhere({(prefix / "bin/isocost-worker").string(), "inspect",
                    (prefix / "share/isocost/experiments/mini/models/w16").string()});
    EXPECT_EQ(inspected.status, 0) << inspected.output;
  }
  EXPECT_TRUE(fs::exists(prefix / "share/isocost/script/reference/make_reference.py"));
  EXPECT_TRUE(fs::exists(prefix / "share/isocost/script/convert/lpips.py"));
  for (const char* file : {"bash-completion/completions/isocost", "zsh/site-functions/_isocost",
                           "fish/vendor_completions.d/isocost.fish"})
    EXPECT_THAT(testing::read_text(prefix / "share" / file), HasSubstr("isocost for ")) << file;
}

TEST(Readme, ShowsAGridThatPlanTakes) {
  constexpr std::string_view kIndent = "    ";
  const ScratchFolder folder;
  std::istringstream page(testing::read_text(ISOCOST_SOURCE_DIR "/README.md"));
  std::string grid;
  for (std::string line; std::getline(page, line);)
    if (line.starts_with("    name: ") || (!grid.empty() && line.starts_with(kIndent)))
      grid += line.substr(kIndent.size()) + "\n";
    else if (!grid.empty())
      break;
  testing::write_text(folder / "grid.yaml", grid);

  const auto plan =
      testing::run({testing::program("isocost"), "plan", (folder / "grid.yaml").string()}, 1min);

  EXPECT_EQ(plan.status, 0) << plan.output << grid;
  EXPECT_THAT(plan.output, HasSubstr("cells           54"));
}

}  // namespace
}  // namespace isocost

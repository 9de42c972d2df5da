// cmake --install: the programs find what lies beside them, wherever that is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

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

}  // namespace
}  // namespace isocost

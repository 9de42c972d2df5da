// `isocost-worker train`, killed again and again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/atomic_file.h"
#include "base/json.h"
#include "tests/support/process.h"

namespace isocost::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int kSteps = 260;
constexpr int kKills = 3;

// The shipped autoencoder's recipe on so little that it takes seconds.
void write_recipe(const fs::path& file) {
  const auto shipped =
      read_text(fs::path(ISOCOST_SOURCE_DIR) / "experiments/mini/recipes/vae.json");
  auto recipe = parse_json(shipped, "vae.json").value();
  recipe.update({{"pictures", 16}, {"steps", kSteps}, {"batch", 2}, {"warmup", 5}});
  recipe["config"]["block_out_channels"] = {4, 4, 8, 8};
  fs::create_directories(file.parent_path());
  write_text(file, recipe.dump());
}

std::vector<std::string> train(const fs::path& family) {
  return {program("isocost-worker"),
          "train",
          (family / "recipes/vae.json").string(),
          "--out",
          (family / "out").string(),
          "--checkpoint-seconds",
          "0"};
}

std::string weights(const fs::path& family) {
  return io::read_file(family / "models/shared/vae/diffusion_pytorch_model.safetensors")
      .value_or("");
}

// The last whole row of the curve; 0 without any.
long steps_done(const fs::path& family) {
  const auto text = io::read_file(family / "out/loss.csv").value_or("");
  const auto end = text.rfind('\n');
  if (end == std::string::npos || end == 0) return 0;
  return std::atol(text.c_str() + text.rfind('\n', end - 1) + 1);
}

TEST(TrainCommand, KilledAtAnyMomentItEndsWithTheSameBytes) {
  const ScratchFolder folder;
  const auto through = folder / "through", killed = folder / "killed";
  for (const auto& family : {through, killed}) write_recipe(family / "recipes/vae.json");
  const auto straight = run(train(through));
  ASSERT_EQ(straight.status, 0) << straight.output;

  for (int kill = 1; kill <= kKills; ++kill) {
    const long before = steps_done(killed);
    Process training(train(killed), folder / "train.log");
    wait_until([&] { return steps_done(killed) > before || training.status(); }, 1min,
               "a row past " + std::to_string(before), [&] { return training.log(); });
    ASSERT_FALSE(training.status()) << "killed before it ended: " << training.log();
    training.kill(SIGKILL);
    training.wait(10s);
  }
  ASSERT_TRUE(weights(killed).empty()) << "the kills came on the way";
  const long at = steps_done(killed);
  EXPECT_GT(at, 0);
  const auto last = run(train(killed));

  ASSERT_EQ(last.status, 0) << last.output;
  EXPECT_THAT(last.output, ::testing::Not(::testing::HasSubstr("step 50/")))
      << "it went on from where it was killed";
  EXPECT_FALSE(weights(through).empty());
  EXPECT_TRUE(weights(killed) == weights(through));
}

}  // namespace
}  // namespace isocost::testing

// What a kill costs: the loop around a training that dies where the test says so.
#include <gmock/gmock.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/base/io/temporary_folder.h"
#include "worker/diffusion/training/loop.h"
#include "worker/diffusion/training/pictures.h"

namespace isocost::diffusion {
namespace {

using isocost::testing::TemporaryFolder;

constexpr std::int64_t kSteps = 12;

Recipe recipe_of_a_line() {
  Recipe recipe;
  recipe.part = "unet";
  recipe.name = "line";
  recipe.steps = kSteps;
  recipe.batch = 4;
  recipe.learning_rate = 0.1;
  return recipe;
}

class Line : public Training {
 public:
  explicit Line(std::int64_t dies_at = -1) : layer_(3, 1), dies_at_(dies_at) {
    const at::NoGradGuard no_grad;
    layer_->weight.fill_(0.5);
    layer_->bias.zero_();
  }
  torch::nn::Module& module() override { return *layer_; }
  at::Tensor loss(std::int64_t step) override {
    if (step == dies_at_) throw std::runtime_error("killed");
    steps_.push_back(step);
    return (layer_(at::randn({4, 3}, step_generator(1, step))) - 1).square().mean();
  }
  Result<std::string> finish() override {
    std::ostringstream text;
    text.precision(9);
    for (const auto& parameter : layer_->parameters())
      for (const auto& number : parameter.flatten().unbind()) text << number.item<float>() << ' ';
    return text.str();
  }
  [[nodiscard]] const std::vector<std::int64_t>& steps() const { return steps_; }

 private:
  torch::nn::Linear layer_;
  std::int64_t dies_at_;
  std::vector<std::int64_t> steps_;
};

LoopOptions options_in(const std::filesystem::path& out, std::chrono::seconds every) {
  LoopOptions options;
  options.out = out;
  options.checkpoint_every = every;
  options.report_every = 1;
  return options;
}

std::string straight_through() {
  const TemporaryFolder folder;
  Line line;
  return train(recipe_of_a_line(), line, options_in(folder.path(), std::chrono::hours(1))).value();
}

TEST(TrainingLoop, KeepsItsStateByTime) {
  const TemporaryFolder folder;
  const auto recipe = recipe_of_a_line();
  const auto options = options_in(folder.path(), std::chrono::seconds(0));
  Line killed(7);
  EXPECT_THROW((void)train(recipe, killed, options), std::runtime_error);

  Line second;
  const auto ended = train(recipe, second, options);

  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(second.steps().front(), 7);
  EXPECT_EQ(*ended, straight_through());
}

TEST(TrainingLoop, BeginsAnewWhereItWasKilledTooSoon) {
  const TemporaryFolder folder;
  const auto recipe = recipe_of_a_line();
  const auto options = options_in(folder.path(), std::chrono::hours(1));
  Line killed(7);
  EXPECT_THROW((void)train(recipe, killed, options), std::runtime_error);

  Line second;
  const auto ended = train(recipe, second, options);

  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(second.steps().front(), 0);
  EXPECT_EQ(*ended, straight_through());
}

TEST(TrainingLoop, AKillCostsTwoMinutesAtMost) {
  EXPECT_LE(LoopOptions{}.checkpoint_every, std::chrono::minutes(2));
}

// Every step once, whatever a kill left behind, and seconds that only rise.
TEST(TrainingLoop, TheCurveGoesOnWhereItWasCut) {
  const TemporaryFolder folder;
  const auto recipe = recipe_of_a_line();
  const auto options = options_in(folder.path(), std::chrono::seconds(0));
  Line killed(7);
  EXPECT_THROW((void)train(recipe, killed, options), std::runtime_error);
  const std::string head = "step,loss,gradient_norm,learning_rate,measured_seconds";
  {
    std::ofstream left(folder / "loss.csv");
    left << head << '\n';
    for (int step = 1; step <= 6; ++step) left << step << ",0.5,0.1,0.1,3.0\n";
    left << "7,0.5,0.1,0.1,1000.0\n8,0.5,0.1,0.1,1001.0\n1";  // past the state, and cut short
  }

  Line second;
  ASSERT_TRUE(train(recipe, second, options));

  std::ifstream curve(folder / "loss.csv");
  std::string line;
  std::getline(curve, line);
  EXPECT_EQ(line, head);
  std::vector<std::int64_t> steps;
  double seconds = 0;
  for (double before = 0; std::getline(curve, line); before = seconds) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), 4) << line;
    steps.push_back(std::atoll(line.c_str()));
    seconds = std::atof(line.substr(line.rfind(',') + 1).c_str());
    EXPECT_GE(seconds, before) << line;
  }
  EXPECT_GE(seconds, 1000);
  EXPECT_THAT(steps, ::testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

}  // namespace
}  // namespace isocost::diffusion

// Seconds of one thread that training steps of one U-Net take, as a JSON line: bench/training.py
// prints them beside those of diffusers' network under PyTorch.
//
//   training_bench experiments/mini/recipes/w16.json --steps 20 --rounds 3
//
// A step is what `isocost-worker train` does: noisy latents through the network, the loss
// backwards, the gradient clipped, AdamW with the average. Latents and text are drawn, since their
// values cost nothing. The best round counts; one thread.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <limits>

#include "worker/commands/output.h"
#include "worker/diffusion/models/unet.h"
#include "worker/diffusion/training/command.h"
#include "worker/diffusion/training/optimizer.h"
#include "worker/diffusion/training/recipe.h"

namespace isocost::diffusion {
namespace {

struct BenchArguments {
  std::string recipe;
  int steps = 20;
  int rounds = 3;
};

constexpr std::int64_t kTextLength = 20;

Result<Json> measure(const BenchArguments& arguments) {
  const auto recipe = read_recipe(arguments.recipe);
  if (!recipe) return fail(recipe.error());
  const auto config = arch::unet_config_from_json(recipe->config, arguments.recipe + ": config");
  if (!config) return fail(config.error());
  at::manual_seed(recipe->seed);
  UNet unet(*config);
  FlatAdamW optimizer(*unet, {.weight_decay = recipe->weight_decay, .ema = recipe->ema});
  const auto height = config->sample_height, width = config->sample_width;
  const auto wanted = at::randn({recipe->batch, config->out_channels, height, width});
  const auto noisy = at::randn({recipe->batch, config->in_channels, height, width})
                         .contiguous(at::MemoryFormat::ChannelsLast);
  const auto timesteps = at::arange(recipe->batch, at::kLong) * 7;
  const auto text = at::randn({recipe->batch, kTextLength, config->context_width()});
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round <= arguments.rounds; ++round) {  // the first one warms up
    const auto begin = std::chrono::steady_clock::now();
    for (int step = 0; step < arguments.steps; ++step) {
      (unet->forward(noisy, timesteps, text) - wanted).square().mean().backward();
      optimizer.step(1e-4);
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    if (round > 0) best = std::min(best, taken.count());
  }
  std::int64_t parameters = 0;
  for (const auto& parameter : unet->parameters()) parameters += parameter.numel();
  return Json{{"recipe", recipe->name},
              {"parameters", parameters},
              {"batch", recipe->batch},
              {"seconds_per_step", best / arguments.steps}};
}

}  // namespace
}  // namespace isocost::diffusion

int main(int argc, char** argv) {
  at::set_num_threads(1);
  isocost::diffusion::keep_freed_memory();
  isocost::diffusion::BenchArguments arguments;
  CLI::App app{"Seconds a training step of one U-Net"};
  app.add_option("recipe", arguments.recipe, "A recipe of a U-Net")->required();
  app.add_option("--steps", arguments.steps, "Steps a round")->check(CLI::Range(1, 10000));
  app.add_option("--rounds", arguments.rounds, "Measured rounds; the best counts")
      ->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  const auto line = isocost::diffusion::measure(arguments);
  if (!line) return isocost::commands::report_failure(line.error());
  std::cout << line->dump() << '\n';
  return 0;
}

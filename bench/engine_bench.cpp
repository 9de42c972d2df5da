// Images a second of this engine on one model, as a JSON line: bench/engine.py prints them beside
// diffusers'.
//
//   engine_bench MODEL --batch 8 --steps 10 --guidance 3 --rounds 5
//
// A round makes one batch of pictures from text states that are ready: guided DDIM steps, decoder,
// bytes. The best round counts, so that a busy machine is judged by its quiet moments; one thread.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "schema/samplers/resolve.h"
#include "worker/commands/output.h"
#include "worker/diffusion/fast/kernels.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/samplers/noise.h"

namespace isocost::diffusion {
namespace {

struct BenchArguments {
  std::string model;
  std::int64_t batch = 8;
  int steps = 10;
  int rounds = 5;
  double guidance = 3.0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Result<Json> measure(const BenchArguments& arguments) {
  const auto model = arch::ModelFolder::open(arguments.model);
  if (!model) return fail(model.error());
  auto pipeline = Pipeline::load(*model);
  if (!pipeline) return fail(pipeline.error());
  const Json choice = {{"sampler", "ddim"}, {"steps", arguments.steps}};
  const auto sampler =
      sampling::resolve(sampling::stored_scheduler(model->scheduler_config, model->pipeline_class),
                        choice, "sampler");
  if (!sampler) return fail(sampler.error());
  const auto& text = pipeline->text_config();
  const auto ids = at::arange(arguments.batch * text.max_position_embeddings, at::kLong)
                       .remainder(text.vocab_size)
                       .view({arguments.batch, text.max_position_embeddings});
  const auto states = pipeline->encode(ids);
  const auto& unet = pipeline->unet_config();
  Trajectory start;
  start.x = at::randn({arguments.batch, unet.in_channels, unet.sample_height, unet.sample_width});
  start.draw = [&](int) { return at::zeros_like(start.x); };
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round <= arguments.rounds; ++round) {  // the first one warms up
    const auto begin = std::chrono::steady_clock::now();
    const auto stepper = make_stepper(*sampler);
    const auto latents =
        pipeline->denoise(*stepper, {start, guided(states, states, arguments.guidance)});
    const auto pictures = to_bytes(pipeline->decode(latents));
    if (round > 0) best = std::min(best, seconds_since(begin));
  }
  return Json{{"model", arguments.model},
              {"batch", arguments.batch},
              {"steps", arguments.steps},
              {"kernels", fast::kernels().name},
              {"images_per_second", static_cast<double>(arguments.batch) / best}};
}

}  // namespace
}  // namespace isocost::diffusion

int main(int argc, char** argv) {
  at::set_num_threads(1);
  isocost::diffusion::BenchArguments arguments;
  CLI::App app{"Images a second of one model"};
  app.add_option("model", arguments.model, "A model folder")->required();
  app.add_option("--batch", arguments.batch, "Pictures a round")->check(CLI::Range(1, 4096));
  app.add_option("--steps", arguments.steps, "DDIM steps")->check(CLI::Range(1, 1000));
  app.add_option("--guidance", arguments.guidance, "Classifier-free guidance; 1 is none");
  app.add_option("--rounds", arguments.rounds, "Measured rounds; the best counts")
      ->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  const auto line = isocost::diffusion::measure(arguments);
  if (!line) return isocost::commands::report_failure(line.error());
  std::cout << line->dump() << '\n';
  return 0;
}

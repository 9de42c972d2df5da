// Images a second of this engine on one model and task, as a JSON line: bench/engine.py prints them
// beside diffusers'.
//
//   engine_bench MODEL --task inpaint --batch 8 --steps 10 --guidance 3 --rounds 5
//
// A round makes one batch of pictures from text states that are ready, as a worker does: what the
// task encodes, guided DDIM steps, decoder, bytes. The best round counts, so that a busy machine is
// judged by its quiet moments; one thread.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "model_folder/check_runs.h"
#include "schema/samplers/resolve.h"
#include "worker/commands/output.h"
#include "worker/diffusion/fast/kernels.h"
#include "worker/diffusion/tasks/task.h"

namespace isocost::diffusion {
namespace {

// How many times as high and wide a picture is as its source, where the model does not say.
constexpr int kBenchFactor = 4;

struct BenchArguments {
  std::string model;
  std::string task = "text-to-image";
  std::int64_t batch = 8;
  int steps = 10;
  int rounds = 5;
  double guidance = 3.0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A cell of the model at its own size, with what holds where nothing is said.
Result<SampleSpec> spec_of(const BenchArguments& arguments, const arch::ModelFolder& model,
                           const tasks::TaskKind& kind) {
  const auto sampler =
      sampling::resolve(sampling::stored_scheduler(model.scheduler_config, kind.runs_as),
                        {{"sampler", "ddim"}, {"steps", arguments.steps}}, "sampler");
  if (!sampler) return fail(sampler.error());
  const tasks::ModelFacts facts{.folder = model.root.string(),
                                .index = model.index,
                                .low_res_scheduler = model.low_res_scheduler_config,
                                .classes = model.unet->config.num_class_embeds};
  auto parameters = tasks::key_parameters(kind, Json::object(), arguments.guidance, facts, "task");
  if (!parameters) return fail(parameters.error());
  SampleSpec spec;
  spec.task = kind.name;
  for (const auto& [digest, place] : io::scan_inputs({model.root}).inputs)
    spec.inputs.emplace(place.path.filename().string(), digest);
  spec.sampler = sampling::to_json(*sampler);
  spec.parameters = std::move(*parameters);
  spec.guidance = arguments.guidance;
  const auto factor = static_cast<int>(model.vae->config.factor());
  const arch::CallShape call = model.default_call();
  spec.height = static_cast<int>(call.height) * factor;
  spec.width = static_cast<int>(call.width) * factor;
  return spec;
}

// Prompts and drawn pictures, as the task's items have them.
Group group_of(const BenchArguments& arguments, const SampleSpec& spec, const WarmModel& model,
               const tasks::TaskKind& kind) {
  Group group;
  for (std::int64_t i = 0; i < arguments.batch; ++i) {
    group.images.push_back(static_cast<std::uint64_t>(i));
    group.prompts.push_back("picture number " + std::to_string(i));
  }
  const auto factor = kind.source_size == tasks::SourceSize::kPicture ? std::int64_t{1}
                      : kind.source_size == tasks::SourceSize::kLatents
                          ? model.pipeline.vae_config().factor()
                          : std::int64_t{kBenchFactor};
  if (tasks::has_slot(kind, tasks::Slot::kSource))
    group.sources = at::rand({arguments.batch, 3, spec.height / factor, spec.width / factor});
  if (tasks::has_slot(kind, tasks::Slot::kMask)) {
    group.masks = at::zeros({arguments.batch, 1, spec.height, spec.width});
    group.masks.slice(3, spec.width / 2).fill_(1);
  }
  return group;
}

Result<Json> measure(const BenchArguments& arguments) {
  const auto* kind = tasks::find_task(arguments.task);
  const auto* task = find_engine_task(arguments.task);
  const auto model = arch::ModelFolder::open(arguments.model);
  if (!model) return fail(model.error());
  if (const auto runs = arch::check_runs(*model, *kind); !runs) return fail(runs.error());
  const auto spec = spec_of(arguments, *model, *kind);
  if (!spec) return fail(spec.error());
  ModelCache cache({model->root}, at::kCPU, "");
  const auto warm = cache.model(*spec);
  if (!warm) return fail(warm.error());
  const Group group = group_of(arguments, *spec, **warm, *kind);
  const auto sampler = sampling::sampler_config_from_json(spec->sampler, "sampler");
  if (!sampler) return fail(sampler.error());
  const at::NoGradGuard no_gradients;
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round <= arguments.rounds; ++round) {  // the first one warms up
    const auto begin = std::chrono::steady_clock::now();
    const auto stepper = make_stepper(*sampler);
    const auto begun = task->begin(**warm, *spec, group, *stepper);
    if (!begun) return fail(begun.error());
    const auto drawn = task->end(**warm, *spec, group, (*warm)->pipeline.denoise(*stepper, *begun));
    if (!drawn) return fail(drawn.error());
    if (round > 0) best = std::min(best, seconds_since(begin));
  }
  return Json{{"model", arguments.model},
              {"task", arguments.task},
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
  app.add_option("--task", arguments.task, "What it does")
      ->check(CLI::IsMember(isocost::tasks::task_names()))
      ->capture_default_str();
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

#include <algorithm>
#include <stdexcept>

#include "base/check.h"
#include "model_folder/check_runs.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/tasks/task.h"
#include "worker/diffusion/verify/items.h"
#include "worker/diffusion/verify/replay.h"

namespace isocost::diffusion {
namespace {

std::string built_samplers() { return joined(sampling::sampler_names()); }

const tasks::TaskKind* kind_of(const Json& run) {
  for (const auto& kind : tasks::task_kinds())
    if (kind.reference_name == text_of(run, "task")) return &kind;
  return nullptr;
}

std::string built_tasks() {
  std::vector<std::string> names;
  for (const auto& kind : tasks::task_kinds()) names.push_back(kind.reference_name);
  return joined(names);
}

// What the run needs that this engine does not have yet.
std::optional<NotBuilt> lacking(const VerifyContext& context, const Json& run) {
  const auto* kind = kind_of(run);
  if (kind == nullptr)
    return NotBuilt{"the task '" + text_of(run, "task") + "' is not built yet", built_tasks()};
  const auto pipeline = text_of(run, "pipeline");
  const auto& pipelines = kind->pipelines;
  const bool is_named = pipeline.empty() ||
                        std::find(pipelines.begin(), pipelines.end(), pipeline) != pipelines.end();
  const bool has_sizes = context.model.unet && context.model.unet->config.has_text_time;
  if (!is_named || has_sizes)
    return NotBuilt{"the pipeline " + pipeline + " is not built yet", joined(pipelines)};
  const auto sampler = text_of(run, "sampler");
  if (sampling::find_sampler(sampler) == nullptr)
    return NotBuilt{"the sampler '" + sampler + "' is not built yet", built_samplers()};
  return std::nullopt;
}

// A run as a cell would ask for it, with the pictures and the noise that are stored.
struct StoredRun {
  const tasks::TaskKind* kind = nullptr;
  SampleSpec spec;
  Group group;
  sampling::SamplerConfig sampler;
  double rescale = 0;
  Tensor latents;  // undefined where it began with a picture
  std::map<std::string, std::vector<Tensor>> draws;
};

// One negative prompt serves every prompt of the batch.
void spread_negatives(Group& group, Taken& take) {
  if (group.negatives.size() == 1) group.negatives.resize(group.prompts.size(), group.negatives[0]);
  if (group.negatives.size() != group.prompts.size())
    take.fault("there are " + std::to_string(group.negatives.size()) + " negative prompts",
               "one, or one a prompt: " + std::to_string(group.prompts.size()));
}

void read_group(Taken& take, StoredRun& stored) {
  Group& group = stored.group;
  group.prompts = take.texts("prompt");
  group.negatives = take.texts("negative_prompt");
  group.clip_skip = take.count("clip_skip", 0);
  spread_negatives(group, take);
  for (std::size_t i = 0; i < group.prompts.size(); ++i) group.images.push_back(i);
  for (const char* name : {"image", "low_res"})
    if (take.has("inputs", name)) group.sources = take.tensor("inputs", name);
  if (take.has("inputs", "mask")) group.masks = take.tensor("inputs", "mask");
  // What begins in noise has it as an input, what begins with a picture among its draws.
  stored.draws = take.draws();
  if (take.has("inputs", "latents") || !stored.draws.contains("noise"))
    stored.latents = take.tensor("inputs", "latents");
}

// The task's parameters, which pipelines name as the rows do, or with "_scale" behind.
Result<Json> read_parameters(const VerifyContext& context, const Json& run, const StoredRun& stored,
                             Taken& take) {
  Json said = Json::object();
  for (const auto& option : stored.kind->parameters)
    for (const std::string& key : {option.name, option.name + "_scale"})
      if (run.contains(key) && !run.at(key).is_null()) said[option.name] = run.at(key);
  const auto& unet = context.model.unet;
  return tasks::key_parameters(*stored.kind, said, stored.spec.guidance,
                               {.folder = context.model.root.string(),
                                .index = context.model.index,
                                .low_res_scheduler = context.model.low_res_scheduler_config,
                                .classes = unet ? unet->config.num_class_embeds : 0},
                               take.where());
}

Result<sampling::SamplerConfig> read_sampler(const Json& run, Taken& take) {
  const auto steps = take.count("steps", 50);
  const auto eta = take.number("eta", 0);
  const Json& scheduler = run.contains("scheduler") ? run.at("scheduler") : Json();
  const bool has_config = scheduler.is_object() && scheduler.contains("config");
  const auto class_name = text_of(scheduler, "class");
  if (class_name.empty() || !has_config)
    take.fault("the scheduler is missing", "its class and config");
  if (!take.ok()) return fail(take.failure());
  return sampling::resolve_class(class_name, scheduler.at("config"), static_cast<int>(steps), eta,
                                 take.where() + ": scheduler");
}

// In pixels, as the run says it, or as its latents have it.
int read_side(Taken& take, const char* key, const StoredRun& stored, std::int64_t factor,
              std::int64_t dimension) {
  const bool has_latents = stored.latents.defined() && stored.latents.dim() == 4;
  return static_cast<int>(
      take.count(key, has_latents ? stored.latents.size(dimension) * factor : 0));
}

Result<StoredRun> read_run(const VerifyContext& context, const Json& run, Taken& take) {
  StoredRun stored;
  stored.kind = kind_of(run);
  ISOCOST_CHECK(stored.kind != nullptr, "lacking() has seen the task");
  stored.spec.task = stored.kind->name;
  stored.spec.guidance = take.number("guidance_scale", 7.5);
  stored.rescale = take.number("guidance_rescale", 0);
  read_group(take, stored);
  const auto& text = context.model.text_encoder;
  if (text && stored.group.clip_skip > text->config.tower.num_hidden_layers)
    take.fault("clip_skip is " + std::to_string(stored.group.clip_skip),
               "at most the text encoder's layers");
  if (context.model.vae) {
    const auto factor = context.model.vae->config.factor();
    stored.spec.height = read_side(take, "height", stored, factor, 2);
    stored.spec.width = read_side(take, "width", stored, factor, 3);
  }
  auto sampler = read_sampler(run, take);
  if (!sampler) return fail(sampler.error());
  stored.sampler = std::move(*sampler);
  auto parameters = read_parameters(context, run, stored, take);
  if (!parameters) return fail(parameters.error());
  stored.spec.parameters = std::move(*parameters);
  return stored;
}

// The calls' timesteps, which the reference has as numbers: whole ones are exact, fractions to
// 1e-3.
void check_timesteps(const Json& run, const StoredRun& stored, Taken& take) {
  if (!run.contains("model_timesteps") || !run.at("model_timesteps").is_array()) return;
  const Json& expected = run.at("model_timesteps");
  const auto all = sampling::call_timesteps(stored.sampler);
  const auto calls =
      stored.kind->calls(stored.sampler, stored.spec.guidance, stored.spec.parameters);
  const std::vector<double> ours(
      all.begin() + static_cast<std::ptrdiff_t>(std::min(calls.first_call, all.size())), all.end());
  if (expected.size() != ours.size()) {
    take.fault("there are " + std::to_string(ours.size()) + " network calls",
               std::to_string(expected.size()));
    return;
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double there = expected[i].is_number() ? expected[i].get<double>() : std::nan("");
    const bool is_whole = there == std::floor(there);
    if (is_whole ? ours[i] == there : std::abs(ours[i] - there) <= 1e-3) continue;
    take.fault("call " + std::to_string(i) + " is at timestep " + number_shown(ours[i]),
               canonical(expected[i]));
    return;
  }
}

// That the networks are those of the task, and the stored tensors those of the networks.
Result<void> check_inputs(const WarmModel& model, const StoredRun& stored, Taken& take) {
  const Pipeline& pipeline = model.pipeline;
  const auto runs = arch::check_networks(
      {pipeline.unet_config(), pipeline.vae_config(), pipeline.text_config(), model.folder},
      *stored.kind);
  if (!runs) return fail(runs.error());
  const auto& vae = pipeline.vae_config();
  const auto& spec = stored.spec;
  if (spec.height < 1 || spec.width < 1 || spec.height % vae.factor() != 0 ||
      spec.width % vae.factor() != 0)
    take.fault("the picture has " + std::to_string(spec.height) + " x " +
                   std::to_string(spec.width) + " pixels",
               "multiples of " + std::to_string(vae.factor()));
  if (!take.ok()) return fail(take.failure());
  const auto batch = static_cast<std::int64_t>(stored.group.prompts.size());
  if (stored.latents.defined()) {
    if (!is_picture(stored.latents, "latents", batch, vae.latent_channels, take))
      return fail(take.failure());
    if (stored.latents.sizes().slice(1) != at::IntArrayRef(latent_shape(model, spec)))
      return fail(take.where(), c10::str("latents has shape ", stored.latents.sizes()),
                  c10::str("[", batch, ", ", c10::Join(", ", latent_shape(model, spec)), "]"));
  }
  for (const auto& [role, draws] : stored.draws)
    for (const Tensor& draw : draws)
      if (draw.dim() != 4 || draw.size(0) != batch)
        return fail(take.where(),
                    c10::str("a draw of the role ", role, " has shape ", draw.sizes()),
                    c10::str("[", batch, ", channels, height, width]"));
  return check_group(*stored.kind, stored.group);
}

Result<WarmModel> warm_model(const VerifyContext& context) {
  if (!context.model.tokenizer)
    return fail(context.model.root.string(),
                "there is no tokenizer/vocab.json and no tokenizer.json",
                "the tokenizer of the prompts");
  auto pipeline = Pipeline::load(context.model, {context.options.device, at::kFloat});
  if (!pipeline) return fail(pipeline.error());
  const auto& text = pipeline->text_config();
  auto tokenizer = Tokenizer::load_for({text.max_position_embeddings, text.vocab_size},
                                       *context.model.tokenizer);
  if (!tokenizer) return fail(tokenizer.error());
  return WarmModel{std::move(*pipeline),
                   std::make_shared<WarmTexts>(WarmTexts{std::move(*tokenizer), {}}),
                   context.model.root.string()};
}

// The task as a cell runs it, with an eye on every step.
Result<Outputs> replay(WarmModel& model, const StoredRun& stored) {
  const Task* task = find_engine_task(stored.kind->name);
  ISOCOST_CHECK(task != nullptr, "the engine has a task for every row");
  const auto stepper = make_stepper(stored.sampler);
  auto begun = task->begin(model, stored.spec, stored.group, *stepper);
  if (!begun) return fail(begun.error());
  Outputs outputs;
  begun->guidance_rescale = stored.rescale;
  // A reference counts the calls that were made.
  begun->start.after_step = [&outputs, inner = begun->start.after_step,
                             first = begun->start.first_call](std::size_t k, Tensor& x) {
    if (inner) inner(k, x);
    outputs["latents_after_call." + std::to_string(k - first)] = x.clone();
  };
  const auto latents = model.pipeline.denoise(*stepper, *begun);
  outputs["latents"] = latents;
  const auto decoded = model.pipeline.autoencoder().decode(latents, stored.kind->scaling_factor);
  outputs["image"] = (decoded / 2 + 0.5).clamp(0, 1);
  return outputs;
}

}  // namespace

Result<ItemResult> compute_run(const VerifyContext& context, const Json& run, Taken& take) {
  if (auto needs = lacking(context, run)) return ItemResult{{}, std::move(needs)};
  auto stored = read_run(context, run, take);
  if (!stored) return fail(stored.error());
  check_timesteps(run, *stored, take);
  auto model = warm_model(context);
  if (!model) return fail(model.error());
  if (const auto fits = check_inputs(*model, *stored, take); !fits) return fail(fits.error());
  StoredNoise noise(stored->draws, stored->latents);
  stored->group.noise = noise.source();
  try {
    auto outputs = replay(*model, *stored);
    if (!outputs) return fail(outputs.error());
    noise.check(take);
    return ItemResult{std::move(*outputs), {}};
  } catch (const std::out_of_range& error) {
    return fail(take.where(), error.what(), "noise as the run drew it");
  }
}

}  // namespace isocost::diffusion

#include <algorithm>
#include <stdexcept>

#include "base/check.h"
#include "model_folder/check_runs.h"
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"
#include "worker/diffusion/pipeline/pipeline.h"
#include "worker/diffusion/verify/items.h"

namespace isocost::diffusion {
namespace {

std::string built_samplers() { return joined(sampling::sampler_names()); }

// What the run needs that this engine does not have yet.
std::optional<NotBuilt> lacking(const VerifyContext& context, const Json& run) {
  const auto task = text_of(run, "task");
  const auto* kind = tasks::find_task(task);
  if (kind == nullptr)
    return NotBuilt{"the task '" + task + "' is not built yet", joined(tasks::task_names())};
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

struct TextToImage {
  sampling::SamplerConfig sampler;
  double guidance = 1;
  double rescale = 0;
  std::int64_t clip_skip = 0;
  std::vector<std::string> prompts;
  std::vector<std::string> negatives;
  Tensor latents;
  std::vector<Tensor> draws;
};

// One negative prompt serves every prompt of the batch.
void spread_negatives(TextToImage& request, Taken& take) {
  if (request.negatives.size() == 1)
    request.negatives.resize(request.prompts.size(), request.negatives.front());
  if (request.negatives.size() != request.prompts.size())
    take.fault("there are " + std::to_string(request.negatives.size()) + " negative prompts",
               "one, or one a prompt: " + std::to_string(request.prompts.size()));
}

Result<TextToImage> read_request(const VerifyContext& context, const Json& run, Taken& take) {
  TextToImage request;
  request.guidance = take.number("guidance_scale", 7.5);
  request.rescale = take.number("guidance_rescale", 0);
  request.clip_skip = take.count("clip_skip", 0);
  request.prompts = take.texts("prompt");
  request.negatives = take.texts("negative_prompt");
  spread_negatives(request, take);
  request.latents = take.tensor("inputs", "latents");
  request.draws = take.step_draws();
  const auto steps = take.count("steps", 50);
  const auto eta = take.number("eta", 0);
  const Json& scheduler = run.contains("scheduler") ? run.at("scheduler") : Json();
  const bool has_config = scheduler.is_object() && scheduler.contains("config");
  const auto class_name = text_of(scheduler, "class");
  if (class_name.empty() || !has_config)
    take.fault("the scheduler is missing", "its class and config");
  const auto& text = context.model.text_encoder;
  if (text && request.clip_skip > text->config.tower.num_hidden_layers)
    take.fault("clip_skip is " + std::to_string(request.clip_skip),
               "at most the text encoder's layers");
  if (!take.ok()) return fail(take.failure());
  auto sampler =
      sampling::resolve_class(class_name, scheduler.at("config"), static_cast<int>(steps), eta,
                              take.where() + ": scheduler");
  if (!sampler) return fail(sampler.error());
  request.sampler = std::move(*sampler);
  return request;
}

// The calls' timesteps, which the reference has as numbers: whole ones are exact, fractions to
// 1e-3.
void check_timesteps(const Json& run, const sampling::SamplerConfig& sampler, Taken& take) {
  if (!run.contains("model_timesteps") || !run.at("model_timesteps").is_array()) return;
  const Json& expected = run.at("model_timesteps");
  const auto ours = sampling::call_timesteps(sampler);
  if (expected.size() != ours.size()) {
    take.fault("there are " + std::to_string(ours.size()) + " network calls",
               std::to_string(expected.size()));
    return;
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double stored = expected[i].is_number() ? expected[i].get<double>() : std::nan("");
    const bool is_whole = stored == std::floor(stored);
    if (is_whole ? ours[i] == stored : std::abs(ours[i] - stored) <= 1e-3) continue;
    take.fault("call " + std::to_string(i) + " is at timestep " + number_shown(ours[i]),
               canonical(expected[i]));
    return;
  }
}

class Replay {
 public:
  Replay(Pipeline& pipeline, const TextToImage& request) : pipeline_(pipeline), request_(request) {}

  Outputs run(const Tensor& ids, const Tensor& negative_ids) {
    const Tensor text = pipeline_.encode(ids, request_.clip_skip);
    Tensor negative;
    if (request_.guidance > 1) negative = pipeline_.encode(negative_ids);
    const auto stepper = make_stepper(request_.sampler);
    Outputs outputs;
    Trajectory start;
    start.x = stepper->init_sigma() * request_.latents;
    start.draw = [this](int k) { return draw(k); };
    start.after_step = [&](std::size_t k, const Tensor& x) {
      outputs["latents_after_call." + std::to_string(k)] = x.clone();
    };
    const auto latents = pipeline_.denoise(
        *stepper, {start, guided(negative, text, request_.guidance), request_.rescale});
    outputs["latents"] = latents;
    outputs["image"] = (pipeline_.decode(latents) / 2 + 0.5).clamp(0, 1);
    return outputs;
  }

  [[nodiscard]] std::size_t draws_used() const { return draws_used_; }

 private:
  Tensor draw(int k) {
    const auto index = static_cast<std::size_t>(k);
    if (index >= request_.draws.size())
      throw std::out_of_range("the sampler asks for more noise than is stored");
    draws_used_ = std::max(draws_used_, index + 1);
    return request_.draws[index];
  }

  Pipeline& pipeline_;
  const TextToImage& request_;
  std::size_t draws_used_ = 0;
};

// That the networks are those of the task, and the stored tensors those of the networks.
Result<void> check_inputs(const Pipeline& pipeline, const VerifyContext& context, const Json& run,
                          const TextToImage& request, Taken& take) {
  const auto* kind = tasks::find_task(text_of(run, "task"));
  ISOCOST_CHECK(kind != nullptr, "lacking() has seen the task");
  const auto runs = arch::check_networks({pipeline.unet_config(), pipeline.vae_config(),
                                          pipeline.text_config(), context.model.root.string()},
                                         *kind);
  if (!runs) return fail(runs.error());
  const auto batch = static_cast<std::int64_t>(request.prompts.size());
  const auto channels = pipeline.vae_config().latent_channels;
  if (!is_picture(request.latents, "latents", batch, channels, take)) return fail(take.failure());
  for (const Tensor& draw : request.draws)
    if (draw.sizes() != request.latents.sizes())
      return fail(take.where(), c10::str("a draw has shape ", draw.sizes()),
                  c10::str(request.latents.sizes(), ", that of the latents"));
  return {};
}

}  // namespace

Result<ItemResult> compute_run(const VerifyContext& context, const Json& run, Taken& take) {
  if (auto needs = lacking(context, run)) return ItemResult{{}, std::move(needs)};
  const auto request = read_request(context, run, take);
  if (!request) return fail(request.error());
  check_timesteps(run, request->sampler, take);
  if (!context.model.tokenizer)
    return fail(context.model.root.string(),
                "there is no tokenizer/vocab.json and no tokenizer.json",
                "the tokenizer of the prompts");
  auto pipeline = Pipeline::load(context.model, {context.options.device, at::kFloat});
  if (!pipeline) return fail(pipeline.error());
  const auto& text = pipeline->text_config();
  if (const auto fits = check_inputs(*pipeline, context, run, *request, take); !fits)
    return fail(fits.error());
  const auto tokenizer = Tokenizer::load_for({text.max_position_embeddings, text.vocab_size},
                                             *context.model.tokenizer);
  if (!tokenizer) return fail(tokenizer.error());
  Replay replay(*pipeline, *request);
  try {
    auto outputs = replay.run(ids_of_prompts(*tokenizer, request->prompts),
                              ids_of_prompts(*tokenizer, request->negatives));
    if (replay.draws_used() != request->draws.size())
      take.fault("the sampler drew noise " + std::to_string(replay.draws_used()) + " times",
                 std::to_string(request->draws.size()) + " as the reference has it");
    return ItemResult{std::move(outputs), {}};
  } catch (const std::out_of_range& error) {
    return fail(take.where(), error.what(), std::to_string(request->draws.size()) + " draws");
  }
}

}  // namespace isocost::diffusion

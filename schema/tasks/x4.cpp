// Super-resolution as diffusers' StableDiffusionUpscalePipeline has it: the small picture itself,
// with some noise over it, joins latents of its size, and the network is told how much noise.
#include <algorithm>

#include "schema/samplers/resolve.h"
#include "schema/samplers/schedule.h"
#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

constexpr std::int64_t kColours = 3;
constexpr double kNoiseLevelMax = 350;  // of that pipeline, where model_index.json says nothing

std::vector<std::int64_t> x4_channels(std::int64_t latent_channels) {
  return {latent_channels + kColours};
}

// low_res_scheduler says what a level of noise is.
Result<Json> derive_x4(const Json& parameters, const ModelFacts& facts, const std::string& where) {
  const std::string file = where + ": " + facts.folder + (facts.folder.empty() ? "" : "/") +
                           "low_res_scheduler/scheduler_config.json";
  if (!facts.low_res_scheduler.is_object())
    return fail(file, "the file is missing", "the scheduler that noise is put over the source by");
  const Json named = facts.low_res_scheduler.value("_class_name", Json("DDPMScheduler"));
  const std::string name = named.is_string() ? named.get<std::string>() : named.dump();
  // These add noise alike; what else they say has no effect here.
  if (name != "DDPMScheduler" && name != "DDIMScheduler" && name != "PNDMScheduler")
    return fail(file, "the scheduler is " + name.substr(0, 80),
                "DDPMScheduler, DDIMScheduler or PNDMScheduler");
  const auto schedule =
      sampling::resolve_class("DDPMScheduler", facts.low_res_scheduler, 1, 0, file);
  if (!schedule) return fail(schedule.error());
  const auto alphas = sampling::alphas_cumprod(*schedule);
  const auto level = parameters.at("noise_level").get<std::int64_t>();
  const Json most = facts.index.is_object() ? facts.index.value("max_noise_level", Json()) : Json();
  double level_max = std::min(most.is_number() ? most.get<double>() : kNoiseLevelMax,
                              static_cast<double>(alphas.size()) - 1);
  // A level is the network's class.
  if (facts.classes > 0) level_max = std::min(level_max, static_cast<double>(facts.classes) - 1);
  if (static_cast<double>(level) > level_max)
    return fail(where + ".noise_level", "this is " + std::to_string(level),
                "at most " + std::to_string(static_cast<std::int64_t>(level_max)) + ", which " +
                    (facts.folder.empty() ? "the model" : facts.folder) + " was trained with");
  return Json{{"low_res_alpha_bar", double(alphas[static_cast<std::size_t>(level)])}};
}

}  // namespace

TaskKind x4_row() {
  TaskKind row;
  row.name = "x4";
  row.kind = "super-resolution";
  row.label = "Super-resolution beside the small picture";
  row.explanation = "A picture from noise, beside a small one with some noise of its own over it.";
  row.reference_name = "upscale";
  row.parameters = {
      whole("noise_level", 20, {0, 999}, "the timestep whose noise is put over the small picture")};
  row.derived = {number("low_res_alpha_bar", 1, {0, 1, true},
                        "how much of the small picture is left at that level, by the model's "
                        "low_res_scheduler")};
  row.slots = {Slot::kPrompt, Slot::kSource};
  row.may_lack_prompt = true;
  row.source_size = SourceSize::kLatents;
  row.components = {"unet", "vae", "text_encoder", "tokenizer", "low_res_scheduler"};
  row.pipelines = {"StableDiffusionUpscalePipeline"};
  row.runs_as = row.pipelines.front();
  row.gives_class_labels = true;
  row.scaling_factor = 0.08333;
  row.input_channels = x4_channels;
  row.calls = every_call;
  row.derive = derive_x4;
  return row;
}

}  // namespace isocost::tasks

#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

std::int64_t latent_alone(std::int64_t latent_channels) { return latent_channels; }

// At w of 1 and below there is no guidance, and one evaluation instead of two.
Calls every_call(const sampling::SamplerConfig& sampler, double guidance, const Json&) {
  return {0, sampling::call_count(sampler), guidance > 1 ? std::size_t{2} : std::size_t{1}};
}

}  // namespace

TaskKind text_to_image_row() {
  TaskKind row;
  row.name = "text-to-image";
  row.label = "Text to image";
  row.explanation = "A picture from noise, as its prompt says.";
  row.slots = {Slot::kPrompt};
  row.components = {"unet", "vae", "text_encoder", "tokenizer"};
  // Those for which AutoPipelineForText2Image makes the first.
  row.pipelines = {"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
                   "StableDiffusionInpaintPipeline"};
  row.runs_as = row.pipelines.front();
  row.input_channels = latent_alone;
  row.calls = every_call;
  return row;
}

}  // namespace isocost::tasks

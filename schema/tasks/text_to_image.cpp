#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

std::vector<std::int64_t> latent_alone(std::int64_t latent_channels) { return {latent_channels}; }

}  // namespace

TaskKind text_to_image_row() {
  TaskKind row;
  row.name = row.kind = row.reference_name = "text-to-image";
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

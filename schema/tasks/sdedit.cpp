// Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential
// Equations", as diffusers' image-to-image pipelines have it.
#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

std::vector<std::int64_t> sdedit_channels(std::int64_t latent_channels) {
  return {latent_channels};
}

}  // namespace

TaskKind sdedit_row() {
  TaskKind row;
  row.name = "sdedit";
  row.kind = "editing";
  row.label = "Editing from a noised picture (SDEdit)";
  row.explanation =
      "The source with noise over it, drawn to an end as the prompt says: the more noise, the "
      "freer.";
  row.reference_name = "image-to-image";
  row.parameters = {strength_option(0.8)};
  row.slots = {Slot::kPrompt, Slot::kSource};
  row.components = {"unet", "vae", "text_encoder", "tokenizer"};
  row.pipelines = {"StableDiffusionImg2ImgPipeline", "StableDiffusionPipeline",
                   "StableDiffusionInpaintPipeline"};
  row.runs_as = row.pipelines.front();
  row.encodes = encodes_source;
  row.input_channels = sdedit_channels;
  row.calls = calls_of_strength;
  return row;
}

}  // namespace isocost::tasks

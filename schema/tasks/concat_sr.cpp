// Super-resolution as in Rombach et al. 2022, "High-Resolution Image Synthesis with Latent
// Diffusion Models", section 4.4, with the small picture enlarged and encoded as Mei et al. 2024
// ("Bigger is not Always Better") finetune text-to-image networks for it.
#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

std::vector<std::int64_t> concat_sr_channels(std::int64_t latent_channels) {
  return {2 * latent_channels};
}

}  // namespace

TaskKind concat_sr_row() {
  TaskKind row;
  row.name = "concat-sr";
  row.kind = "super-resolution";
  row.is_usual = true;
  row.label = "Super-resolution beside the enlarged picture's latents";
  row.explanation =
      "A picture from noise, beside the latents of a small one enlarged to the same size.";
  row.reference_name = row.kind;
  row.slots = {Slot::kPrompt, Slot::kSource};
  row.may_lack_prompt = true;
  row.source_size = SourceSize::kSmaller;
  row.components = {"unet", "vae", "text_encoder", "tokenizer"};
  row.pipelines = {"StableDiffusionPipeline"};
  row.runs_as = row.pipelines.front();
  row.encodes = encodes_source;
  row.input_channels = concat_sr_channels;
  row.calls = every_call;
  return row;
}

}  // namespace isocost::tasks

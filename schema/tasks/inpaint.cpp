#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

// The latents alone, which are blended with the source's after every step; or with a mask and the
// latents of the picture outside of it.
std::vector<std::int64_t> inpaint_channels(std::int64_t latent_channels) {
  return {latent_channels, 2 * latent_channels + 1};
}

// The source, unless all begins in noise and nothing is blended; what is outside of the mask, for a
// network that takes it.
std::uint64_t inpaint_encodes(const Channels& channels, const Json& parameters) {
  const bool takes_mask = channels.network > channels.latent;
  const bool begins_in_noise = parameters.at("strength").get<double>() == 1;
  return (takes_mask ? 1U : 0U) + (takes_mask && begins_in_noise ? 0U : 1U);
}

}  // namespace

TaskKind inpaint_row() {
  TaskKind row;
  row.name = row.reference_name = "inpaint";
  row.kind = "editing";
  row.label = "Editing inside a mask";
  row.explanation =
      "The source drawn anew where its mask is set, as the prompt says; the rest is given.";
  row.parameters = {strength_option(1)};
  row.slots = {Slot::kPrompt, Slot::kSource, Slot::kMask};
  row.components = {"unet", "vae", "text_encoder", "tokenizer"};
  row.pipelines = {"StableDiffusionInpaintPipeline", "StableDiffusionPipeline",
                   "StableDiffusionImg2ImgPipeline"};
  row.runs_as = row.pipelines.front();
  row.encodes = inpaint_encodes;
  row.input_channels = inpaint_channels;
  row.calls = calls_of_strength;
  return row;
}

}  // namespace isocost::tasks

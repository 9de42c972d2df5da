#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

std::vector<std::int64_t> latent_alone(std::int64_t latent_channels) { return {latent_channels}; }

// Without the second prompt there is no mixture, and a key is what it was before there were any.
void drop_idle_mixture(double, Json& parameters) {
  if (parameters.at("prompt_weight") == 1.0) parameters = Json::object();
}

}  // namespace

TaskKind text_to_image_row() {
  TaskKind row;
  row.name = row.kind = row.reference_name = "text-to-image";
  row.is_usual = true;
  row.label = "Text to image";
  row.explanation = "A picture from noise, as its prompt says.";
  row.parameters = {
      number("prompt_weight", 1, {0, 1},
             "a in the text states a A + (1 - a) B, A of the prompt and B of second_prompt"),
      text("second_prompt", "", "the prompt that is mixed in, where prompt_weight is below 1")};
  row.slots = {Slot::kPrompt};
  row.components = {"unet", "vae", "text_encoder", "tokenizer"};
  // Those for which AutoPipelineForText2Image makes the first.
  row.pipelines = {"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
                   "StableDiffusionInpaintPipeline"};
  row.runs_as = row.pipelines.front();
  row.input_channels = latent_alone;
  row.calls = every_call;
  row.drop_idle = drop_idle_mixture;
  return row;
}

}  // namespace isocost::tasks

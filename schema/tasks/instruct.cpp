// Brooks et al. 2023, "InstructPix2Pix: Learning to Follow Image Editing Instructions", as
// diffusers' pipeline has it.
#include "schema/samplers/resolve.h"
#include "schema/tasks/task.h"

namespace isocost::tasks {
namespace {

std::vector<std::int64_t> instruct_channels(std::int64_t latent_channels) {
  return {2 * latent_channels};
}

// With nothing, with the picture, and with picture and instruction.
Calls instruct_calls(const sampling::SamplerConfig& sampler, double guidance, const Json&) {
  return {0, sampling::call_count(sampler), guidance > 1 ? std::size_t{3} : std::size_t{1}};
}

void drop_idle_image_guidance(double guidance, Json& parameters) {
  if (guidance <= 1) parameters.erase("image_guidance");
}

}  // namespace

TaskKind instruct_row() {
  TaskKind row;
  row.name = row.reference_name = "instruct";
  row.kind = "editing";
  row.label = "Editing by instructions";
  row.explanation = "A picture from noise, beside the source, as an instruction says.";
  // Below 1 the pipeline of diffusers guides by nothing at all.
  row.parameters = {number("image_guidance", 1.5, {1, 100},
                           "how much the source is followed, where guidance is above 1")};
  row.slots = {Slot::kPrompt, Slot::kSource};
  row.is_instruction = true;
  row.components = {"unet", "vae", "text_encoder", "tokenizer"};
  row.pipelines = {"StableDiffusionInstructPix2PixPipeline"};
  row.runs_as = row.pipelines.front();
  row.encodes = encodes_source;
  row.input_channels = instruct_channels;
  row.calls = instruct_calls;
  row.drop_idle = drop_idle_image_guidance;
  return row;
}

}  // namespace isocost::tasks

#include "tests/support/submission_builder.h"

#include <set>

namespace isocost::testing {

std::string input_of(const std::string& what) { return sha256(what).name(); }

Submission submission_of(const SubmissionOptions& options) {
  Submission submission;
  submission.name = options.name;
  submission.grid = "name: " + options.name + "\n";
  submission.axes = {"model", "steps"};
  submission.unit_images = options.unit_images;
  const std::string prompts = "{\"prompt\": \"a red circle\"}\n";
  submission.blobs[sha256(prompts).name()] = prompts;
  const ExtractorSpec extractor{options.extractor, input_of(options.extractor), Json::object()};
  const ReferenceSpec reference{"world", "", extractor, {{"count", 64}}};
  const std::string reference_hex = reference_key(reference).hex();
  if (options.has_reference) submission.references[reference_hex] = reference;
  for (int model = 0; model < options.models; ++model) {
    const std::string unet = "unet-" + std::to_string(model);
    submission.input_names[input_of(unet)] = "models/" + unet;
    for (const int steps : options.steps) {
      CellRequest cell;
      cell.labels = {{"model", unet}, {"steps", steps}};
      cell.sample.task = "text-to-image";
      cell.sample.inputs = {{"unet", input_of(unet)}, {"vae", input_of("vae")}};
      cell.sample.sampler = {{"sampler", "ddim"}, {"steps", steps}};
      cell.sample.guidance = 2.0;
      cell.sample.prompts = sha256(prompts).name();
      cell.sample.group_size = options.group_size;
      cell.images = {0, options.images};
      cell.keep_pictures = options.keep_pictures;
      cell.cost = {.calls_per_image = static_cast<std::uint64_t>(2 * steps),
                   .steps_calls = static_cast<std::uint64_t>(steps),
                   .gflops_per_call = 0.5 * (model + 1),
                   .gflops_decode = 0.25,
                   .gflops_text = 0,
                   .parameters = 1000,
                   .weight_bytes = 4000};
      cell.scores = {{options.has_reference ? "fid" : "clip_score",
                      extractor,
                      options.has_reference ? reference_hex : "",
                      {options.judged_from, options.images},
                      Json::object()}};
      submission.cells.push_back(std::move(cell));
    }
  }
  return submission;
}

std::vector<std::string> inputs_of(const Submission& submission) {
  std::set<std::string> inputs;
  for (const CellRequest& cell : submission.cells) {
    for (const auto& [unused, input] : cell.sample.inputs) inputs.insert(input);
    for (const ScoreSpec& score : cell.scores) inputs.insert(score.extractor.input);
  }
  return {inputs.begin(), inputs.end()};
}

}  // namespace isocost::testing

// From a scheduler's configuration and a user's choice to a resolved sampler and its key.
// `isocost plan` counts calls with it; the engine's steppers run on it.
//
//   auto config = sampling::resolve(sampling::stored_scheduler(scheduler_config, pipeline_class),
//                                   {{"sampler", "ddim"}, {"steps", 20}}, "grid.yaml:3:10");
//   std::size_t calls = sampling::call_count(*config);
//
// Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "schema/samplers/sampler.h"

namespace isocost::sampling {

// The JSON of SampleSpec.sampler: only members with an effect for this sampler, so equal pixels
// mean equal keys.
[[nodiscard]] Json to_json(const SamplerConfig& config);
[[nodiscard]] Result<SamplerConfig> sampler_config_from_json(const Json& json,
                                                             const std::string& where);

// What a pipeline's constructor does to the scheduler that it is loaded with (diffusers 0.42.1).
struct Rewrite {
  bool sets_offset = false;  // steps_offset becomes 1
  bool clears_clip = false;  // clip_sample becomes false
};
// Of a pipeline's class: the Stable Diffusion pipelines for text, pictures and masks rewrite, those
// of SDXL, for instructions and for upscaling do not.
[[nodiscard]] Rewrite rewrite_of(std::string_view pipeline_class);

struct StoredScheduler {
  Json config = Json::object();  // scheduler_config.json, of any class
  Rewrite rewrite;
};

// Of a model's folder: what lies in scheduler_config.json (null: nothing) and the class that
// model_index.json names; without one it is taken for Stable Diffusion's.
[[nodiscard]] StoredScheduler stored_scheduler(const Json& config, std::string_view pipeline_class);

// A stored scheduler and a choice: {"sampler", "steps", "timestep_spacing"?, "eta"?,
// "use_karras_sigmas"?, ...}; a choice's member wins. As in diffusers, a scheduler that is kept as
// it was loaded has what the pipeline wrote into it, and one that is exchanged (another class, or
// any option but eta chosen) takes over what its file says, rewritten, and else the defaults of its
// own class. Fails with: unknown sampler or option, an option without effect for the sampler, steps
// out of range, combinations that are undefined (zero-SNR with epsilon; leading with an offset that
// reaches past the last timestep).
[[nodiscard]] Result<SamplerConfig> resolve(const StoredScheduler& stored, const Json& choice,
                                            const std::string& where);
// The same with a place for each kind of fault.
struct FaultPlaces {
  std::string choice;    // of what was chosen
  std::string stored;    // of what the scheduler's file says
  std::string together;  // of what the two bring about together
};
[[nodiscard]] Result<SamplerConfig> resolve(const StoredScheduler& stored, const Json& choice,
                                            const FaultPlaces& places);
// The same for a config that says its own class ("_class_name": "DDIMScheduler"), as verify's
// expected.json does; nothing is rewritten.
[[nodiscard]] Result<SamplerConfig> resolve_class(const std::string& class_name, const Json& config,
                                                  int steps, double eta, const std::string& where);

[[nodiscard]] std::vector<std::string> sampler_names();
// What a choice may set for a sampler besides "sampler" and "steps": null when no such option or
// sampler is there.
[[nodiscard]] const Option* option_of(std::string_view sampler, std::string_view option);

// The timestep of every network call, in order.
[[nodiscard]] std::vector<double> call_timesteps(const SamplerConfig& config);
[[nodiscard]] std::size_t call_count(const SamplerConfig& config);

}  // namespace isocost::sampling

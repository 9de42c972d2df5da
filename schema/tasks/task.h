// A row of the table of tasks: what a cell does, and everything about it that needs no LibTorch.
// The engine has a pair of functions under the same name, how it begins and how it ends
// (worker/diffusion/tasks).
//
// To add one called a-b: a_b.cpp here with `TaskKind a_b_row()`, its word in CMakeLists.txt, and
// the same in the engine. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/options.h"
#include "schema/samplers/config.h"

namespace isocost::tasks {

// What image i of a task is made from; metrics may ask for more. The source is what is edited, or
// the small picture that is enlarged; the target is what it should become. Of both there may be a
// caption.
enum class Slot : int {
  kPrompt = 1,
  kSource = 2,
  kMask = 3,
  kTarget = 4,
  kSourceText = 5,
  kTargetText = 6,
};
[[nodiscard]] std::string_view slot_name(Slot slot);
// The same in keys: do not change.
[[nodiscard]] std::string_view slot_key(Slot slot);

// How items in a folder are read.
struct ItemUse {
  bool is_instruction = false;   // their prompts are instructions
  bool is_made_smaller = false;  // their sources are made of their targets
};
// The member of a line of metadata.jsonl that has it. A prompt says what is wanted, unless it is an
// instruction: then the text is the source's. Empty: none has it, it is made.
[[nodiscard]] std::string_view slot_member(Slot slot, ItemUse use);
// The texts among the slots; the others are pictures.
[[nodiscard]] bool is_text(Slot slot);

// How large an item's source is, beside the picture that is made of it.
enum class SourceSize : int {
  kPicture = 1,  // as large: it is edited
  kSmaller = 2,  // smaller, by a whole factor
  kLatents =
      3,  // as high and wide as the latents, and a multiple of what the autoencoder halves by
};

// The network's calls for one image, known before anything runs.
struct Calls {
  std::size_t first_call = 0;  // of the sampler's; those before are left out
  std::size_t calls = 0;       // that are made
  std::size_t branches = 1;    // evaluations of the network in each
  [[nodiscard]] std::size_t evaluations() const { return calls * branches; }
};

// What lies in a model's folder beside its networks and its sampler, and moves pixels. Null where
// it is not there.
struct ModelFacts {
  std::string folder{};      // for messages
  Json index{};              // model_index.json
  Json low_res_scheduler{};  // low_res_scheduler/scheduler_config.json
  std::int64_t classes = 0;  // that its U-Net has (num_class_embeds); 0: none
};

// Channels of a model's networks.
struct Channels {
  std::int64_t network = 0;  // that the U-Net takes
  std::int64_t latent = 0;   // of the autoencoder
};

struct TaskKind {
  std::string name;       // in keys and the database, for text-to-image in grids too: do not change
  std::string kind;       // of the study's three, which several methods may be of: do not change
  bool is_usual = false;  // what a grid means that names a kind and no method
  std::string label;      // for people
  std::string explanation;
  std::string reference_name;      // what a run of it is called in a stored reference (verify)
  std::vector<Option> parameters;  // set by a task or an axis, besides the usual ones
  std::vector<Option> derived;     // that follow from the model, which nobody sets
  std::vector<Slot> slots;         // of its items
  bool is_instruction = false;     // its prompt says what to do, not what is shown
  bool may_lack_prompt = false;    // items of a data set without texts have empty prompts
  SourceSize source_size = SourceSize::kPicture;
  std::vector<std::string> components;  // of the model's folder
  // The diffusers pipelines whose folders it runs with, and the one that it computes as.
  std::vector<std::string> pipelines;
  std::string runs_as;
  // Its branches give a class beside a prompt's states (UNetConfig.num_class_embeds).
  bool gives_class_labels = false;
  // What latents are divided by before they are decoded; 0: what the autoencoder's file says.
  double scaling_factor = 0;

  // The channels that the network may take, for an autoencoder with so many latent channels.
  std::vector<std::int64_t> (*input_channels)(std::int64_t latent_channels) = nullptr;
  // How many pictures are encoded for an image; null: none.
  std::uint64_t (*encodes)(const Channels& channels, const Json& parameters) = nullptr;
  // Guidance is the scale w of classifier-free guidance.
  Calls (*calls)(const sampling::SamplerConfig& sampler, double guidance,
                 const Json& parameters) = nullptr;
  // Takes parameters without effect out, so that equal pixels mean equal keys; null: all have one.
  void (*drop_idle)(double guidance, Json& parameters) = nullptr;
  // The values of `derived`; null where that is empty. Fails with: what the folder lacks, or has
  // otherwise than the parameters need it; its faults name the folder.
  Result<Json> (*derive)(const Json& parameters, const ModelFacts& facts,
                         const std::string& where) = nullptr;
};

[[nodiscard]] const std::vector<TaskKind>& task_kinds();
// Null when no task is called so.
[[nodiscard]] const TaskKind* find_task(std::string_view name);
[[nodiscard]] std::vector<std::string> task_names();
// Whether its items are prompts and no pictures.
[[nodiscard]] bool is_of_prompts(const TaskKind& kind);
[[nodiscard]] bool has_slot(const TaskKind& kind, Slot slot);
// What a grid calls kinds: text-to-image, ...; each once.
[[nodiscard]] std::vector<std::string> kind_names();
// The names of the tasks of a kind, its methods.
[[nodiscard]] std::vector<std::string> methods_of(std::string_view kind);
// The one that is meant where no method is said. Null: one must be.
[[nodiscard]] const TaskKind* usual_method(std::string_view kind);
// The parameters of all tasks, each name once: what can be an axis.
[[nodiscard]] const std::vector<Option>& all_parameters();

// The parameters as a sample's key has them: what was said, what holds where nothing was, and what
// follows from the model; none without effect. Fails with: unknown ones, values that do not fit.
[[nodiscard]] Result<Json> key_parameters(const TaskKind& kind, const Json& said, double guidance,
                                          const ModelFacts& facts, const std::string& where);
// Whether parameters that came from outside are as a key has them.
[[nodiscard]] Result<void> check_parameters(const TaskKind& kind, const Json& parameters,
                                            double guidance, const std::string& where);

// Plans that rows share: every call of the sampler, or those from the parameter "strength" on; with
// two branches where guidance is above 1, for below there is none.
[[nodiscard]] Calls every_call(const sampling::SamplerConfig& sampler, double guidance,
                               const Json& parameters);
[[nodiscard]] Calls calls_of_strength(const sampling::SamplerConfig& sampler, double guidance,
                                      const Json& parameters);
// What rows encode that encode their source and nothing else.
[[nodiscard]] std::uint64_t encodes_source(const Channels& channels, const Json& parameters);
// The option "strength" of a task that begins in the middle: how much of a picture is noise when it
// begins.
[[nodiscard]] Option strength_option(double fallback);
// The call of the sampler that it begins at, as diffusers counts: the last int(steps strength) of
// its steps are made.
[[nodiscard]] std::size_t first_call(int steps, double strength);

}  // namespace isocost::tasks

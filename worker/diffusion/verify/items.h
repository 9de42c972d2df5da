// What verify.cpp hands to the code that computes units, runs and the CLIP case. Internal to the
// folder.
#pragma once

#include "model_folder/model_folder.h"
#include "worker/diffusion/tokenizer/tokenizer.h"
#include "worker/diffusion/verify/reference.h"
#include "worker/diffusion/verify/verify.h"

namespace isocost::diffusion {

// Computed outputs by their name in the entry.
using Outputs = std::map<std::string, Tensor>;

struct NotBuilt {
  std::string what;      // "the sampler pndm"
  std::string expected;  // what is there
};

// One item computed: outputs, or why not.
struct ItemResult {
  Outputs outputs;
  std::optional<NotBuilt> not_built;
};

struct VerifyContext {
  const VerifyOptions& options;
  const arch::ModelFolder& model;
  const StoredReference& reference;
};

// The member's text; empty where there is none.
[[nodiscard]] inline std::string text_of(const Json& entry, const std::string& key) {
  return entry.is_object() && entry.contains(key) && entry.at(key).is_string()
             ? entry.at(key).get<std::string>()
             : std::string();
}

[[nodiscard]] Result<ItemResult> compute_unit(const VerifyContext& context, const Json& unit,
                                              Taken& take);
[[nodiscard]] Result<ItemResult> compute_run(const VerifyContext& context, const Json& run,
                                             Taken& take);
[[nodiscard]] Result<ItemResult> compute_clip(const VerifyContext& context, Taken& take);

// Whether a tensor of the reference is [batch, channels, height, width], as a network takes it; a
// fault of the entry where it is not. A batch below 0 may be any.
[[nodiscard]] bool is_picture(const Tensor& tensor, const std::string& name, std::int64_t batch,
                              std::int64_t channels, Taken& take);

// Of texts for CLIP, int64 [texts, length].
[[nodiscard]] Tensor ids_of_texts(const Tokenizer& tokenizer,
                                  const std::vector<std::string>& texts);

}  // namespace isocost::diffusion

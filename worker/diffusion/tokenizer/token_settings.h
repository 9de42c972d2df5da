// What the files beside a vocabulary say: the special tokens, the added ones, the length. Read as
// transformers 5 reads them, where the files disagree too. For the sources of this folder alone.
//
//   auto settings = read_token_settings(files, whole_file.value("added_tokens", Json::array()));
//
// Faults: what is no JSON object, tokens that are none, settings that this engine does not follow
// (padding or cutting on the left, special tokens that are split). Thread: any.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/io/clip_files.h"
#include "base/json.h"
#include "base/result.h"
#include "worker/diffusion/tokenizer/added_tokens.h"

namespace isocost::diffusion {

struct DeclaredToken {
  AddedToken token{};                // its id is yet to be found
  std::optional<std::int64_t> id{};  // that the file claims
  std::string where{};
  bool is_text = false;    // stands as a text, not as an object
  bool is_listed = false;  // among the tokens to be added, not named as a special one alone
};

struct TokenSettings {
  // "bos_token", ...: the four that CLIP needs; none where a file cannot be read.
  std::map<std::string, DeclaredToken> special;
  std::vector<DeclaredToken> added;  // all of them, in the order in which they get their ids
  std::optional<double> length;      // model_max_length
  Failure failure;                   // of what could not be taken
};

// `whole_file_tokens`: the list added_tokens of tokenizer.json; empty beside vocab.json.
[[nodiscard]] TokenSettings read_token_settings(const io::TokenizerFiles& files,
                                                const Json& whole_file_tokens);

}  // namespace isocost::diffusion

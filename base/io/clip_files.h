// Which files CLIP's tokenizer and its pictures' preprocessing are loaded from: the one answer for
// digests and for what loads them.
//
//   auto files = find_tokenizer_files("sd15/tokenizer");
//   if (files && *files) load((*files)->vocabulary, ...);
//
// Chosen as transformers 5 chooses.
//   tokenizer       tokenizer.json where there is one, else vocab.json and merges.txt; beside them
//                   tokenizer_config.json. What that one says in `added_tokens_decoder` stands for
//                   special_tokens_map.json and added_tokens.json, which are read only without it
//   preprocessing   processor_config.json where it holds an `image_processor`, else
//                   preprocessor_config.json
// Fails with: a link to nothing, a folder in a file's place, a vocabulary without its merges, a
// configuration that is no JSON. Thread: any.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace isocost::io {

struct TokenizerFiles {
  std::filesystem::path vocabulary;             // tokenizer.json or vocab.json
  std::optional<std::filesystem::path> merges;  // of vocab.json
  std::optional<std::filesystem::path> configuration;
  std::optional<std::filesystem::path> special_tokens;  // special_tokens_map.json
  std::optional<std::filesystem::path> added_tokens;    // added_tokens.json

  [[nodiscard]] bool is_one_file() const { return !merges; }  // tokenizer.json
  [[nodiscard]] std::vector<std::filesystem::path> all() const;
};

inline constexpr std::size_t kClipFileBytesMax = std::size_t{64} << 20;

// None where a folder holds no tokenizer.
[[nodiscard]] Result<std::optional<TokenizerFiles>> find_tokenizer_files(
    const std::filesystem::path& folder);

struct PreprocessingFile {
  std::filesystem::path file;
  bool is_nested = false;  // what counts is its member `image_processor`
};

// None where a folder holds neither file.
[[nodiscard]] Result<std::optional<PreprocessingFile>> find_preprocessing_file(
    const std::filesystem::path& folder);

}  // namespace isocost::io

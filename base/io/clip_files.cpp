#include "base/io/clip_files.h"

#include "base/io/genuine_file.h"
#include "base/io/presence.h"
#include "base/json.h"

namespace isocost::io {
namespace {

namespace fs = std::filesystem;

// The file where it is there. What is wrong with it goes to `failure`.
std::optional<fs::path> found(const fs::path& file, Failure& failure) {
  const auto is_there = has_file(file);
  if (!is_there) failure.add(is_there.error());
  return is_there && *is_there ? std::optional(file) : std::nullopt;
}

bool has_member(const fs::path& file, const char* member, Failure& failure) {
  const auto text = read_genuine_file(file, kClipFileBytesMax);
  const auto json =
      text ? parse_python_json(*text, file.string()) : Result<Json>(fail(text.error()));
  if (!json) failure.add(json.error());
  return json && json->is_object() && json->contains(member);
}

}  // namespace

std::vector<fs::path> TokenizerFiles::all() const {
  std::vector<fs::path> files = {vocabulary};
  for (const auto* file : {&merges, &configuration, &special_tokens, &added_tokens})
    if (*file) files.push_back(**file);
  return files;
}

Result<std::optional<TokenizerFiles>> find_tokenizer_files(const fs::path& folder) {
  Failure failure;
  TokenizerFiles files;
  if (const auto whole = found(folder / "tokenizer.json", failure)) {
    files.vocabulary = *whole;
  } else if (const auto vocabulary = found(folder / "vocab.json", failure)) {
    files.vocabulary = *vocabulary;
    files.merges = found(folder / "merges.txt", failure);
    if (!files.merges && failure.is_empty())
      failure.add((folder / "merges.txt").string(), "the file is missing",
                  "the merges of vocab.json");
  } else if (failure.is_empty()) {
    return std::nullopt;
  }
  files.configuration = found(folder / "tokenizer_config.json", failure);
  if (!files.configuration || !has_member(*files.configuration, "added_tokens_decoder", failure)) {
    files.special_tokens = found(folder / "special_tokens_map.json", failure);
    files.added_tokens = found(folder / "added_tokens.json", failure);
  }
  if (!failure.is_empty()) return fail(std::move(failure));
  return files;
}

Result<std::optional<PreprocessingFile>> find_preprocessing_file(const fs::path& folder) {
  Failure failure;
  const auto whole = found(folder / "processor_config.json", failure);
  const auto own = found(folder / "preprocessor_config.json", failure);
  const bool is_nested = whole && has_member(*whole, "image_processor", failure);
  if (!failure.is_empty()) return fail(std::move(failure));
  if (is_nested) return PreprocessingFile{*whole, true};
  if (own) return PreprocessingFile{*own, false};
  return std::nullopt;
}

}  // namespace isocost::io

// Inputs by content: what a cell loads, found under the folders that a user names.
//
// The digest of an input is
//   a file    SHA-256 of its bytes
//   a folder  SHA-256 of canonical JSON {relative path: SHA-256 hex} over the files that are loaded
//   from it:
//             a model component (a folder with config.json): config.json and the weight files
//               (*.safetensors, *.json index)
//             a tokenizer (vocab.json or tokenizer.json): vocab.json and merges.txt, or where there
//               is no vocab.json tokenizer.json; tokenizer_config.json, special_tokens_map.json
//             a CLIP folder (config.json with text_config and vision_config): both of these, and
//               preprocessor_config.json, or where that is missing processor_config.json
//             a picture folder: every *.png, *.jpg, *.jpeg
// Symbolic links are followed. Digests of files are remembered in a cache keyed by path, size, time
// and inode, so that gigabytes are read once. Fails with every unreadable file named. Thread: any.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "schema/digest.h"
#include "schema/result.h"

namespace isocost::io {

[[nodiscard]] Result<Digest> file_digest(const std::filesystem::path& file);
[[nodiscard]] Result<Digest> input_digest(const std::filesystem::path& file_or_folder);

// Every input below `roots`: "sha256:..." -> path. Unreadable places are skipped and listed in
// `skipped`.
struct Inventory {
  std::map<std::string, std::filesystem::path> inputs;
  std::vector<std::string> skipped;
};
[[nodiscard]] Inventory scan_inputs(const std::vector<std::filesystem::path>& roots);

}  // namespace isocost::io

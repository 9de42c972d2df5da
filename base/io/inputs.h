// Inputs by content: what a cell loads, found under the folders that a user names.
//
// The digest of an input is
//   a file    SHA-256 of its bytes
//   a folder  SHA-256 of canonical JSON {name: SHA-256 hex} over the files that are loaded from it
//             and over no others:
//             a model component (a folder with config.json): config.json and the weights that are
//               chosen (base/io/weight_files.h), with the index that names their parts
//             a tokenizer, a CLIP folder's tokenizer and preprocessing, and a ViT's preprocessing:
//               the files that base/io/clip_files.h chooses
//             a picture folder: every *.png, *.jpg, *.jpeg at its top
//   a column  of a folder of items (base/io/item_files.h): its pictures, or texts, in their order
// Symbolic links are followed. Digests of files are remembered in a cache keyed by path, size, time
// and inode, so that gigabytes are read once. Fails with every unreadable file named. Thread: any.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/io/weight_files.h"
#include "base/result.h"

namespace isocost::io {

[[nodiscard]] Result<Digest> file_digest(const std::filesystem::path& file);
// `variant`: of a component's weights; empty: what is loaded without naming one.
[[nodiscard]] Result<Digest> input_digest(const std::filesystem::path& file_or_folder,
                                          const std::string& variant = {});
// Of a component with the weights that were chosen.
[[nodiscard]] Result<Digest> component_digest(const std::filesystem::path& folder,
                                              const WeightFiles& weights);

// Where an input lies.
struct Place {
  std::filesystem::path path;
  std::string variant;   // of a component's weights: loading it with this one loads the input
  std::string column{};  // of a folder of items: its member
  bool operator==(const Place&) const = default;
};

// Every input below `roots`, of components every variant: "sha256:..." -> place. Unreadable places
// are skipped and listed in `skipped`.
struct Inventory {
  std::map<std::string, Place> inputs;
  std::vector<std::string> skipped;
};
[[nodiscard]] Inventory scan_inputs(const std::vector<std::filesystem::path>& roots);

}  // namespace isocost::io

// Which item belongs to which picture, and reading both: picture files with the sources, targets,
// masks and texts that a metric needs of them.
//
//   auto pairs = pair_up(files, {.needs = metric.needs(), .items = "edits", .targets = {}});
//   for (...) auto batch = ...                      // read_pair(*pairs, i)
//
// Where names of files agree but for their endings, they say what belongs together, and each
// picture must have its item; else the order does (of names, of lines in metadata.jsonl), and there
// must be as many. Texts are members of a line: `text` says what the item's picture shows and what
// it was asked for, `target_text` what is wanted; without that, and without an instruction
// (`edit_prompt`), the text says it. Fails with every fault. Thread: any.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/io/picture.h"
#include "base/result.h"
#include "schema/tasks/task.h"

namespace isocost::diffusion {

// What belongs to the pictures, each member as many as they or none.
struct Pairs {
  std::vector<std::filesystem::path> pictures;
  std::vector<std::filesystem::path> sources, targets, masks;
  std::vector<std::string> prompts, source_texts, target_texts;
  std::string aligned_by;  // "names", "order"; empty: nothing was
  std::vector<std::string> notes;
};

struct PairSources {
  std::vector<tasks::Slot> needs;
  std::filesystem::path items;    // a folder with metadata.jsonl; empty: none
  std::filesystem::path targets;  // a folder of pictures; empty: none
};
[[nodiscard]] Result<Pairs> pair_up(std::vector<std::filesystem::path> pictures,
                                    const PairSources& sources);

// Picture i and what belongs to it, decoded.
struct Pair {
  io::Picture picture;
  std::optional<io::Picture> source, target, mask;
};
// `is_pixelwise`: all of it must be as large as the picture. Fails with: what cannot be read, or
// has another size; a mask without a set pixel.
[[nodiscard]] Result<Pair> read_pair(const Pairs& pairs, std::size_t index, bool is_pixelwise);
// Grey as PIL's convert("L") makes it is 128 or more.
[[nodiscard]] bool is_set(const io::Picture& mask, std::size_t pixel);

}  // namespace isocost::diffusion

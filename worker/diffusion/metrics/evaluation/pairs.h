// Which item belongs to which picture, and reading both: picture files with the sources, targets,
// masks and texts that a metric needs of them.
//
//   auto pairs = pair_up(files, {.needs = metric.needs(), .items = "edits", .targets = {}});
//   auto pair = read_pair(*pairs, i, {.is_pixelwise = true});
//
// Where names of files agree but for their endings, they say what belongs together, and each
// picture must have its item; else the order does (of names, of lines in metadata.jsonl), and there
// must be as many. Lines are read as a grid reads them (tasks::slot_member): with `edit_prompt` or
// `target_text` in any, as those of instructions. Fails with every fault. Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/io/picture.h"
#include "base/result.h"
#include "schema/tasks/task.h"
#include "worker/diffusion/items/items.h"

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
  std::optional<io::Picture> source, target;
  std::optional<Mask> mask;
};
// What an extractor takes.
struct PairChecks {
  bool is_pixelwise = false;     // all of it is as large as the picture
  std::int64_t least_side = 1;   // of the picture
  std::int64_t kept_margin = 0;  // a pixel beyond it is kept by the mask, where there is one
};
// Fails with: what cannot be read, or has another size; a mask without a set pixel or without one
// that is kept.
[[nodiscard]] Result<Pair> read_pair(const Pairs& pairs, std::size_t index,
                                     const PairChecks& checks);

}  // namespace isocost::diffusion

// A folder of pictures as a data set: how many, of which sizes, and whether each can be read.
//
//   auto set = read_picture_set("coco/val2017", digest_cache_folder());
//   if (!set) return fail(set.error());                 // every picture that is damaged
//   set->count, set->below
//
// Reads and decodes every file once, on several threads; what was found is remembered in the cache
// by the folder's digest, so that a set which is used again is not decoded again. Fails with: as
// picture_files() does, and every picture that cannot be read (at most kItemFaultsShown by name,
// then their number). Thread: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/digest.h"
#include "base/result.h"

namespace isocost::io {

struct PictureSet {
  Digest digest;            // of the folder, as an input
  std::uint64_t count = 0;  // at the folder's top
  std::uint64_t below = 0;  // in sub-folders, which nothing reads
  // Width and height -> the first picture of that size.
  std::map<std::pair<int, int>, std::string> sizes;
};

[[nodiscard]] Result<PictureSet> read_picture_set(
    const std::filesystem::path& folder, const std::optional<std::filesystem::path>& cache);

}  // namespace isocost::io

// SHA-256 of a file's bytes, and a cache of such digests that outlives the process. For base/io
// alone.
//
// Only files that have lain still for a while, and are large enough to matter, are remembered: a
// file that changes within its time stamp's resolution would otherwise keep a stale digest. One
// small file an entry, written by rename, so that any number of processes may share the cache.
// Thread: any.
#pragma once

#include <ctime>
#include <filesystem>
#include <optional>

#include "base/digest.h"
#include "base/io/descriptor.h"

namespace isocost::io {

inline constexpr std::uint64_t kCachedBytesMin = std::uint64_t{1} << 20;

// From the descriptor's current position to the end. Throws std::system_error.
[[nodiscard]] Digest hash_rest(const Descriptor& file, const std::filesystem::path& name);

// $XDG_CACHE_HOME/isocost/digests or ~/.cache/isocost/digests; absent when neither is known.
[[nodiscard]] std::optional<std::filesystem::path> digest_cache_folder();

// Fails with: missing, unreadable, not a regular file, changed while it was read.
[[nodiscard]] Result<Digest> hash_file(const std::filesystem::path& file,
                                       const std::optional<std::filesystem::path>& cache,
                                       std::time_t now);

}  // namespace isocost::io

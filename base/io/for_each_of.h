// Work on many alike, on several threads.
//
//   std::vector<Look> looks(files.size());
//   for_each_of(files.size(), [&](std::size_t i) { looks[i] = look_at(files[i]); });
//
// Every number below `count` once, in no order, on at most kForEachThreadsMax threads; returns when
// all are done. For reading files: with more threads the disk would not be faster. Requires: `work`
// throws nothing, and may be called from several threads at once. Thread: any.
#pragma once

#include <cstddef>
#include <functional>

namespace isocost::io {

inline constexpr unsigned kForEachThreadsMax = 8;
void for_each_of(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace isocost::io

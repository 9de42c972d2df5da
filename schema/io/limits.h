// What the system allows this process. Thread: any.
#pragma once

#include <cstddef>

namespace isocost::io {

// How many descriptors may be open at once; the soft limit is raised to what the user may have
// (65536 at most) first, as programs that serve many peers do.
[[nodiscard]] std::size_t descriptors_max();

}  // namespace isocost::io

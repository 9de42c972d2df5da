// What the system allows this process. Thread: any.
#pragma once

#include <chrono>
#include <cstddef>
#include <system_error>

namespace isocost::io {

// How many descriptors may be open at once; the soft limit is raised to what the user may have
// (65536 at most) first, as programs that serve many peers do.
[[nodiscard]] std::size_t descriptors_max();

// Whether an error says that no descriptor is left: that passes when those go who have them.
[[nodiscard]] bool is_out_of_descriptors(const std::error_code& error);

// Returns when a file can be opened again, at once as a rule; waits for at most `limit`.
void await_descriptor(std::chrono::milliseconds limit);

}  // namespace isocost::io

// What another program says on its standard output.
//
//   Result<std::string> text = output_of({"isocost-worker", "devices", "--json"}, 60s);
//
// Its standard error is dropped, or goes where this program's goes. Fails with: it cannot be
// started, ends otherwise than with 0, says too much, or is not done within the limit, and is ended
// then. Thread: any; SIGCHLD is left alone.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace isocost::cli {

enum class Errors { kDropped, kShown };
[[nodiscard]] Result<std::string> output_of(std::vector<std::string> command,
                                            std::chrono::milliseconds limit,
                                            Errors errors = Errors::kDropped);

}  // namespace isocost::cli

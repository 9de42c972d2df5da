// Takes up again what made artifacts that are lost, in a database that no coordinator has open:
// the next one computes it.
//
//   auto units = make_again("study/isocost.db", damaged);    // how many are made again
//
// For artifacts that open units need nobody has to ask: workers miss them, and say so. Fails with:
// what opening the database fails with, a coordinator that uses it among that. Throws
// std::runtime_error on I/O faults.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace isocost::coordinator {

[[nodiscard]] Result<std::uint64_t> make_again(const std::filesystem::path& database,
                                               const std::vector<Digest>& lost);

}  // namespace isocost::coordinator

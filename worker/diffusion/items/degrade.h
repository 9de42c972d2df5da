// Small pictures made of large ones, by the rows of degradations() in schema/items.h.
//
//   auto small = degraded({{"name", "bicubic"}}, picture, 4, item);
//
// One that draws does so by the item's number and its options alone. Requires: sides that `factor`
// divides, a degradation as items_spec_from_json() lets it through. Fails with: one that this
// engine does not compute, a picture that is too large for it. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/io/picture.h"
#include "base/json.h"
#include "base/result.h"

namespace isocost::diffusion {

[[nodiscard]] Result<io::Picture> degraded(const Json& degradation, const io::Picture& picture,
                                           int factor, std::uint64_t item);
// What this engine computes, which a test holds against the table.
[[nodiscard]] std::vector<std::string> computed_degradations();

}  // namespace isocost::diffusion

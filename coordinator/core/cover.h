// Which units have what the images of a cell must have, and what is missing: stretches of images,
// whatever the units were cut to.
//
//   Cover covered = cover(sample, {0, 512}, [&](const ExistingGenerate& unit) { return ...; });
//
// Pure, any thread.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "coordinator/core/submission.h"

namespace isocost::core {

// What an image of a cell must have: rows of an extractor (its key), or nothing but that it was
// computed.
using Output = std::optional<Digest>;
[[nodiscard]] bool gives(const ExistingGenerate& unit, const Output& output);
// The lower the more useful is a unit in this state to who wants what it makes.
[[nodiscard]] int usefulness(UnitState state);

// Multiples of the group size.
[[nodiscard]] std::uint64_t aligned_down(std::uint64_t image, std::uint64_t group);
[[nodiscard]] std::uint64_t aligned_up(std::uint64_t image, std::uint64_t group);
[[nodiscard]] bool overlaps(const std::vector<ImageRange>& ranges, ImageRange range);

// Stretches of images that lack the same outputs. Pictures alone part no stretch: a unit that
// computes images anyway keeps theirs for nothing. `dark`: without their pictures.
using Stretches = std::vector<std::pair<ImageRange, std::set<Output>>>;
[[nodiscard]] Stretches segments(const std::map<Output, std::vector<ImageRange>>& missing,
                                 const std::vector<ImageRange>& dark);

// Where `image` stands, the unit with this output that is most useful and reaches furthest.
template <class Has>
const ExistingGenerate* best_at(const ExistingSample& sample, std::uint64_t image, Has has) {
  const ExistingGenerate* best = nullptr;
  for (const ExistingGenerate& unit : sample.units) {
    if (unit.range.begin > image || unit.range.end <= image || !has(unit)) continue;
    if (best == nullptr || usefulness(unit.state) < usefulness(best->state) ||
        (usefulness(unit.state) == usefulness(best->state) && unit.range.end > best->range.end))
      best = &unit;
  }
  return best;
}

struct Cover {
  std::vector<const ExistingGenerate*> units;
  std::vector<ImageRange> missing;
};

// Walks through `range` from unit to unit; what lies between is missing.
template <class Has>
Cover cover(const ExistingSample& sample, ImageRange range, Has has) {
  Cover found;
  std::uint64_t image = range.begin;
  while (image < range.end) {
    if (const ExistingGenerate* unit = best_at(sample, image, has)) {
      found.units.push_back(unit);
      image = unit->range.end;
      continue;
    }
    std::uint64_t next = range.end;
    for (const ExistingGenerate& unit : sample.units)
      if (has(unit) && unit.range.begin > image) next = std::min(next, unit.range.begin);
    found.missing.push_back({image, next});
    image = next;
  }
  return found;
}

}  // namespace isocost::core

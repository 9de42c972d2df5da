#include "coordinator/core/cover.h"

namespace isocost::core {

std::uint64_t aligned_down(std::uint64_t image, std::uint64_t group) {
  return image / group * group;
}
std::uint64_t aligned_up(std::uint64_t image, std::uint64_t group) {
  return (image + group - 1) / group * group;
}

bool gives(const ExistingGenerate& unit, const Output& output) {
  return !output || unit.extractors.contains(*output);
}

int usefulness(UnitState state) {
  switch (state) {
    case UnitState::kDone:
      return 0;
    case UnitState::kOpen:
      return 1;
    case UnitState::kCancelled:
      return 2;
    case UnitState::kFailed:
      return 3;
  }
  return 4;
}

bool overlaps(const std::vector<ImageRange>& ranges, ImageRange range) {
  return std::any_of(ranges.begin(), ranges.end(), [&](ImageRange other) {
    return other.begin < range.end && range.begin < other.end;
  });
}

Stretches segments(const std::map<Output, std::vector<ImageRange>>& missing,
                   const std::vector<ImageRange>& dark) {
  std::set<std::uint64_t> ends;
  for (const auto& [output, ranges] : missing)
    for (ImageRange range : ranges) ends.insert({range.begin, range.end});
  for (ImageRange range : dark) ends.insert({range.begin, range.end});
  Stretches found;
  for (auto begin = ends.begin(); begin != ends.end() && std::next(begin) != ends.end(); ++begin) {
    const ImageRange range{*begin, *std::next(begin)};
    std::set<Output> outputs;
    for (const auto& [output, ranges] : missing)
      if (overlaps(ranges, range)) outputs.insert(output);
    if (outputs.empty() && !overlaps(dark, range)) continue;
    if (!found.empty() && found.back().first.end == range.begin && found.back().second == outputs)
      found.back().first.end = range.end;
    else
      found.emplace_back(range, std::move(outputs));
  }
  return found;
}

}  // namespace isocost::core

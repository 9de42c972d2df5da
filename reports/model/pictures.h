// Which pictures of a task are shown side by side, and what they were made from. Pure.
#pragma once

#include <optional>
#include <vector>

#include "reports/model/report.h"

namespace isocost::report {

// At equal cost, by size, by steps, by guidance; those that there are pictures for.
[[nodiscard]] std::vector<PictureBlock> pictures_of(const TaskReport& task);

// What images of a task were made from or are held against, one for each of the numbers: source,
// mask, target, as far as ReportData::items has them.
struct ItemRow {
  tasks::Slot slot = tasks::Slot::kSource;
  std::vector<std::optional<Digest>> pictures;
};
[[nodiscard]] std::vector<ItemRow> item_rows(const Study& study,
                                             const std::vector<std::uint64_t>& numbers);

}  // namespace isocost::report

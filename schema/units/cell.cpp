#include "schema/units/cell.h"

#include <algorithm>
#include <string>
#include <vector>

namespace isocost {

std::string_view cell_state_name(CellState state) {
  switch (state) {
    case CellState::kDone:
      return "done";
    case CellState::kFailed:
      return "failed";
    case CellState::kOpen:
      return "open";
    case CellState::kCancelled:
      return "cancelled";
  }
  return {};
}

std::string label_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : canonical(value);
}

std::string labels_text(const Json& labels) {
  std::vector<std::string> order{"model", "sampler", "timestep_spacing", "steps", "guidance"};
  if (!labels.is_object()) return {};
  for (const auto& [name, unused] : labels.items())
    if (std::find(order.begin(), order.end(), name) == order.end()) order.push_back(name);
  std::string text;
  for (const std::string& name : order) {
    if (!labels.contains(name)) continue;
    text += (text.empty() ? "" : ", ") + name + " " + label_text(labels.at(name));
  }
  return text;
}

void CellProgress::add_images(ImageRange range, std::uint64_t keep_pictures, UnitState state) {
  if (range.begin >= wish_.images) return;
  has_failed_ |= state == UnitState::kFailed;
  if (state != UnitState::kDone) return;
  if (range.begin <= images_) images_ = std::max(images_, range.end);
  if (range.begin <= pictures_) pictures_ = std::max(pictures_, std::min(keep_pictures, range.end));
}

void CellProgress::add_score(UnitState state) {
  has_failed_ |= state == UnitState::kFailed;
  has_scores_ &= state == UnitState::kDone;
}

CellState CellProgress::state() const {
  const std::uint64_t kept = std::min(wish_.keep_pictures, wish_.images);
  if (has_scores_ && images_ >= wish_.images && pictures_ >= kept) return CellState::kDone;
  if (has_failed_) return CellState::kFailed;
  return wish_.is_cancelled ? CellState::kCancelled : CellState::kOpen;
}

}  // namespace isocost

#include "base/check.h"
#include "schema/units/kind.h"

namespace isocost::units {

#define ISOCOST_ROW(name) Kind name##_row();
#include "schema/units/rows.inc"
#undef ISOCOST_ROW

const std::vector<Kind>& kinds() {
#define ISOCOST_ROW(name) name##_row(),
  static const std::vector<Kind> kRows = {
#include "schema/units/rows.inc"
  };
#undef ISOCOST_ROW
  return kRows;
}

const Kind& row_of(UnitKind kind) {
  const Kind* row = find_kind(static_cast<int>(kind));
  ISOCOST_CHECK(row != nullptr, "every kind has a row");
  return *row;
}

const Kind* find_kind(int number) {
  for (const Kind& row : kinds())
    if (static_cast<int>(row.kind) == number) return &row;
  return nullptr;
}

const std::vector<UnitState>& states() {
  static const std::vector<UnitState> kAll = {UnitState::kOpen, UnitState::kDone,
                                              UnitState::kFailed, UnitState::kCancelled};
  return kAll;
}

std::string_view state_name(UnitState state) {
  switch (state) {
    case UnitState::kOpen:
      return "open";
    case UnitState::kDone:
      return "done";
    case UnitState::kFailed:
      return "failed";
    case UnitState::kCancelled:
      return "cancelled";
  }
  return {};
}

}  // namespace isocost::units

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "schema/units/kind.h"

namespace isocost::units {
namespace {

constexpr char kMark = '#';

std::optional<int> number_of(std::string_view name) {
  for (const Kind& row : kinds())
    if (row.name == name) return static_cast<int>(row.kind);
  for (const UnitState state : states())
    if (state_name(state) == name) return static_cast<int>(state);
  return std::nullopt;
}

}  // namespace

std::string with_numbers(std::string_view sql) {
  std::string text;
  while (true) {
    const std::size_t mark = sql.find(kMark);
    text += sql.substr(0, mark);
    if (mark == std::string_view::npos) return text;
    sql.remove_prefix(mark + 1);
    const auto length = static_cast<std::size_t>(
        std::find_if(sql.begin(), sql.end(), [](char c) { return c < 'a' || c > 'z'; }) -
        sql.begin());
    const auto number = number_of(sql.substr(0, length));
    ISOCOST_CHECK(number.has_value(), "a query names kinds and states that there are");
    text += std::to_string(*number);
    sql.remove_prefix(length);
  }
}

}  // namespace isocost::units

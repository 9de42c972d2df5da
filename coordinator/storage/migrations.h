// The numbered files of schema/sql, embedded at build time: the first makes a database of
// kFirstSchema, each later one takes it from the schema before to its own. Thread: any.
#pragma once

#include <string_view>
#include <vector>

namespace isocost::storage {

inline constexpr int kApplicationId = 0x49534F43;  // "ISOC": persisted, do not change
inline constexpr int kFirstSchema = 4;             // databases of older ones are refused

[[nodiscard]] const std::vector<std::string_view>& migrations();
[[nodiscard]] inline int newest_schema() {
  return kFirstSchema - 1 + static_cast<int>(migrations().size());
}

}  // namespace isocost::storage

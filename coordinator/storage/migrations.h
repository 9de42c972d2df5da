// The numbered files of schema/sql, embedded at build time: migration i takes a database from
// user_version i to i + 1. Thread: any.
#pragma once

#include <string_view>
#include <vector>

namespace isocost::storage {

inline constexpr int kApplicationId = 0x49534F43;  // "ISOC": persisted, do not change

[[nodiscard]] const std::vector<std::string_view>& migrations();

}  // namespace isocost::storage

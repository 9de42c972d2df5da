// A study's cells.csv, as far as it depends on its cells alone.
//
//   EXPECT_EQ(determined_columns(one / "cells.csv"), determined_columns(other / "cells.csv"));
//
// Thread: any.
#pragma once

#include <filesystem>
#include <string>

namespace isocost::testing {

// Without its measured_ columns. Fields of these tables hold no line breaks.
[[nodiscard]] std::string determined_columns(const std::filesystem::path& csv);

}  // namespace isocost::testing

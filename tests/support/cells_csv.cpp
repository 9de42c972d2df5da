#include "tests/support/cells_csv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "tests/support/process.h"

namespace isocost::testing {

std::string determined_columns(const std::filesystem::path& csv) {
  std::istringstream in(read_text(csv));
  std::vector<bool> is_kept;
  std::string result;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> fields(1);
    bool is_quoted = false;
    for (const char c : line) {
      if (c == '"') is_quoted = !is_quoted;
      if (c == ',' && !is_quoted)
        fields.emplace_back();
      else
        fields.back() += c;
    }
    if (is_kept.empty()) {
      for (const std::string& field : fields) is_kept.push_back(!field.starts_with("measured_"));
    }
    EXPECT_EQ(fields.size(), is_kept.size()) << line;
    for (std::size_t i = 0; i < std::min(fields.size(), is_kept.size()); ++i) {
      if (is_kept[i]) result += fields[i] + ",";
    }
    result += "\n";
  }
  return result;
}

}  // namespace isocost::testing

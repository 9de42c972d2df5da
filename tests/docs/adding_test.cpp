// docs/adding.md shows what is there: every block of code is lines of the file that it names, in
// their order, or is compiled into this program (CMakeLists.txt).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/io/atomic_file.h"

namespace isocost {
namespace {

constexpr const char* kPage = "docs/adding.md";
constexpr std::size_t kBytesMax = 1 << 20;
constexpr std::string_view kIn = "<!-- in: ";
constexpr std::string_view kCompiled = "<!-- compiled: ";
constexpr std::string_view kClose = " -->";

struct Block {
  std::size_t line = 0;
  std::string mark;  // the line above the fence
  std::vector<std::string> lines;
};

std::string text_of(const std::string& name) {
  const auto text = io::read_file(std::filesystem::path(ISOCOST_SOURCE_DIR) / name, kBytesMax);
  EXPECT_TRUE(text) << name;
  return text.value_or("");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<Block> blocks_of(const std::string& page) {
  std::vector<Block> blocks;
  const auto lines = lines_of(page);
  bool is_inside = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with("```")) {
      is_inside = !is_inside;
      if (is_inside) blocks.push_back({i + 1, i == 0 ? "" : lines[i - 1], {}});
    } else if (is_inside) {
      blocks.back().lines.push_back(lines[i]);
    }
  }
  EXPECT_FALSE(is_inside) << "a block has no end";
  return blocks;
}

// Runs of lines between gaps, each whole and after the one before. The first line that is not
// there; empty: all are.
std::string first_foreign_line(const std::vector<std::string>& shown,
                               const std::vector<std::string>& file) {
  std::size_t from = 0;
  for (std::size_t i = 0; i < shown.size();) {
    if (shown[i] == "...") {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < shown.size() && shown[end] != "...") ++end;
    const auto begin = shown.begin() + static_cast<std::ptrdiff_t>(i);
    const auto found = std::search(file.begin() + static_cast<std::ptrdiff_t>(from), file.end(),
                                   begin, shown.begin() + static_cast<std::ptrdiff_t>(end));
    if (found == file.end()) return *begin;
    from = static_cast<std::size_t>(found - file.begin()) + end - i;
    i = end;
  }
  return {};
}

TEST(AddingPage, ShowsLinesOfTheFilesThatItNames) {
  std::size_t shown = 0, compiled = 0;
  for (const Block& block : blocks_of(text_of(kPage))) {
    if (block.mark.starts_with(kCompiled)) {
      ++compiled;
      continue;
    }
    ASSERT_TRUE(block.mark.starts_with(kIn) && block.mark.ends_with(kClose))
        << kPage << ":" << block.line << ": a block names no file and is not compiled";
    const std::string name =
        block.mark.substr(kIn.size(), block.mark.size() - kIn.size() - kClose.size());
    EXPECT_EQ(first_foreign_line(block.lines, lines_of(text_of(name))), "")
        << kPage << ":" << block.line << ": " << name << " has no such lines at this place";
    ++shown;
  }
  EXPECT_GE(shown, 15U);
  EXPECT_EQ(compiled, 2U);
}

TEST(AddingPage, TellsALineThatTheFileHasNot) {
  const std::vector<std::string> file = {"a", "b", "c", "d"};

  EXPECT_EQ(first_foreign_line({"a", "b", "...", "d"}, file), "");
  EXPECT_EQ(first_foreign_line({"a", "c"}, file), "a");
  EXPECT_EQ(first_foreign_line({"c", "...", "b"}, file), "b");
  EXPECT_EQ(first_foreign_line({"e"}, file), "e");
}

}  // namespace
}  // namespace isocost

// What the program carries for its pages, built from reports/page and reports/figures. Valid for
// ever; any thread.
#pragma once

#include <string_view>

namespace isocost::report {

[[nodiscard]] std::string_view page_script();
[[nodiscard]] std::string_view page_style();
[[nodiscard]] std::string_view shipped_figures();  // JSON: [{"name", "spec"}]

}  // namespace isocost::report

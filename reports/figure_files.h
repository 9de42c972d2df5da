// The figures of a report: those that isocost ships, and a user's.
//
//   auto figures = all_figures("my-figures");
//
// A user's file is checked before anything is drawn: it must be a Vega-Lite specification over a
// table that reports have, and every column that it names must be one of that table, or be made by
// one of its own transforms. All faults at once. Thread: any.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "reports/html/html.h"

namespace isocost::report {

[[nodiscard]] std::vector<Figure> built_in_figures();

// In the order of their names; a user's with the name of a shipped one replaces it. An empty path:
// the shipped ones alone.
[[nodiscard]] Result<std::vector<Figure>> all_figures(const std::filesystem::path& folder);

// What is wrong with a specification; `where` is its file.
void check_figure(const Json& spec, const std::string& where, Failure& failure);

}  // namespace isocost::report

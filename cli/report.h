// `isocost report` and `isocost export`: both read a database on their own, no coordinator is
// asked.
//
//   CLI::App app; int exit_code = 0;
//   add_report(app, exit_code);
//   add_export(app, exit_code);
//
// Wiring only. exit_code: 0 done, 1 a fault that was printed.
#pragma once

#include <CLI/CLI.hpp>

namespace isocost::cli {

void add_report(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);

}  // namespace isocost::cli

// The commands of `isocost`: one file each, wiring only.
//
// add_*() registers a subcommand; when it is chosen, its callback runs it and leaves the exit code.
// 0: done. 1: wrong use, or something that was asked for failed. 128 + signal: stopped by one.
// Thread: main.
#pragma once

#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace isocost::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;

void add_run(CLI::App& app, int& exit_code);
void add_coordinator(CLI::App& app, int& exit_code);
void add_status(CLI::App& app, int& exit_code);
void add_check(CLI::App& app, int& exit_code);
void add_plan(CLI::App& app, int& exit_code);
void add_select(CLI::App& app, int& exit_code);
void add_submit(CLI::App& app, int& exit_code);
void add_cancel(CLI::App& app, int& exit_code);
void add_retry(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_keys(CLI::App& app, int& exit_code);

// Prints "isocost: <text>" to stderr and returns kExitFailed.
int complain(const std::string& text);
// Prints "isocost: warning: <text>" to stderr.
void warn(const std::string& text);
// Warns when the database lacks what its coordinator acknowledged. For commands that only read it.
void warn_of_loss(const std::filesystem::path& database);

}  // namespace isocost::cli

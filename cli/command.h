// The commands of `isocost`: one file each, wiring only.
//
// add_*() registers a subcommand; when it is chosen, its callback runs it and leaves the exit code.
// Exit codes are promised to scripts (docs/commands.md): do not change them.
// Thread: main.
#pragma once

#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace isocost::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;  // a disk, a port, a database that is in use or not whole
// 2, kExitUsage of base/command_line.h: the command line is not understood.
inline constexpr int kExitInput =
    3;  // a grid, a name, a file or an answer is not what it should be
inline constexpr int kExitCells = 4;   // all was done that could be, and cells failed
inline constexpr int kExitNobody = 5;  // no coordinator answers, or no worker is left
// 128 + signal: `run` and `submit --wait`, when they are stopped before they are done. What goes on
// until it is stopped ends with 0.

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
void add_events(CLI::App& app, int& exit_code);
void add_watch(CLI::App& app, int& exit_code);
void add_completion(CLI::App& app, int& exit_code);

// Prints "isocost: <text>" to stderr and returns the exit code.
int complain(const std::string& text, int exit_code = kExitFailed);
// Prints "isocost: warning: <text>" to stderr.
void warn(const std::string& text);
// Warns when the database lacks what its coordinator acknowledged. For commands that only read it.
void warn_of_loss(const std::filesystem::path& database);

}  // namespace isocost::cli

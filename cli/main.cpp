// isocost: the command line, the coordinator and the reports. Links no LibTorch.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "base/command_line.h"
#include "cli/command.h"
#include "coordinator/storage/reader.h"

namespace isocost::cli {

int complain(const std::string& text, int exit_code) {
  std::cerr << "isocost: " << text << '\n';
  return exit_code;
}

void warn(const std::string& text) { std::cerr << "isocost: warning: " << text << '\n'; }

void warn_of_loss(const std::filesystem::path& database) {
  if (const auto text = storage::what_is_missing(database)) warn(*text);
}

}  // namespace isocost::cli

int main(int argc, char** argv) {
  CLI::App app("Which model, sampler, steps and guidance is best at which compute budget?",
               "isocost");
  app.set_version_flag("--version", ISOCOST_VERSION);
  app.require_subcommand(1);
  int exit_code = isocost::cli::kExitDone;
  isocost::cli::add_run(app, exit_code);
  isocost::cli::add_coordinator(app, exit_code);
  isocost::cli::add_submit(app, exit_code);
  isocost::cli::add_status(app, exit_code);
  isocost::cli::add_watch(app, exit_code);
  isocost::cli::add_events(app, exit_code);
  isocost::cli::add_check(app, exit_code);
  isocost::cli::add_plan(app, exit_code);
  isocost::cli::add_select(app, exit_code);
  isocost::cli::add_cancel(app, exit_code);
  isocost::cli::add_retry(app, exit_code);
  isocost::cli::add_report(app, exit_code);
  isocost::cli::add_export(app, exit_code);
  isocost::cli::add_keys(app, exit_code);
  isocost::cli::add_completion(app, exit_code);
  try {
    if (const auto code = isocost::parse_command_line(app, argc, argv)) return *code;
  } catch (const std::exception& error) {
    return isocost::cli::complain(isocost::text_of(error));
  }
  if (const auto fault = isocost::output_fault()) return isocost::cli::complain(*fault);
  return exit_code;
}

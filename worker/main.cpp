// isocost-worker: the engine's own commands, training, and serving a coordinator. Wiring only.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "base/command_line.h"
#include "worker/commands/commands.h"

int main(int argc, char** argv) {
  // Promise 1: one thread a process unless the user chooses more, since sums split differently
  // round differently.
  at::set_num_threads(1);
  CLI::App app("Computes cells of isocost studies, and tells whether it computes them right",
               "isocost-worker");
  app.require_subcommand(1);
  int exit_code = 0;
  isocost::commands::add_inspect(app, exit_code);
  isocost::commands::add_sample(app, exit_code);
  isocost::commands::add_score(app, exit_code);
#ifdef ISOCOST_WITH_SERVE
  isocost::commands::add_serve(app, exit_code);
  isocost::commands::add_devices(app, exit_code);
  isocost::commands::add_calibrate(app, exit_code);
#endif
  isocost::commands::add_train(app, exit_code);
  isocost::commands::add_family_report(app, exit_code);
  isocost::commands::add_verify(app, exit_code);
  try {
    if (const auto code = isocost::parse_command_line(app, argc, argv)) return *code;
  } catch (const std::exception& error) {
    // A fault of the machine (disk full, memory): commands report what is wrong with their input
    // themselves.
    std::cerr << "isocost-worker: " << isocost::text_of(error) << '\n';
    return 1;
  }
  if (const auto fault = isocost::output_fault()) {
    std::cerr << "isocost-worker: " << *fault << '\n';
    return 1;
  }
  return exit_code;
}

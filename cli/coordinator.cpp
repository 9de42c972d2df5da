// isocost coordinator --listen tcp://... --db FILE: serves workers until SIGTERM.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/signals.h"
#include "coordinator/host.h"

namespace isocost::cli {
namespace {

constexpr std::chrono::milliseconds kLook{250};

int serve(coordinator::HostOptions options) {
  Signals signals;
  options.loop.build = ISOCOST_VERSION;
  auto host = coordinator::Host::open(options);
  if (!host) return complain(host.error().message());
  fmt::print("workers connect to {}\n", (*host)->endpoint());
  std::fflush(stdout);
  while (!signals.wait(kLook))
    if (const auto fault = (*host)->fault()) return complain(*fault);
  (*host)->stop();
  return kExitDone;
}

}  // namespace

void add_coordinator(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<coordinator::HostOptions>();
  CLI::App* command = app.add_subcommand("coordinator", "Serve workers and commands");
  command->add_option("--listen", options->listen, "Where workers connect")->capture_default_str();
  command->add_option("--db", options->database, "The database; made when it is not there")
      ->required();
  command->add_option("--artifacts", options->artifacts,
                      "Folder of artifacts; default: beside the database");
  command->add_option("--key", options->secret_file, "The coordinator's *.secret");
  command->add_option("--allow", options->allow_folder, "Folder of the workers' public *.key");
  command->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace isocost::cli

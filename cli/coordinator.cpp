// isocost coordinator --listen tcp://... --db FILE: serves workers and commands until SIGTERM.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/archive.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "coordinator/host.h"
#include "coordinator/web/server.h"

namespace isocost::cli {
namespace {

constexpr std::chrono::milliseconds kLook{250};

struct CoordinatorOptions {
  coordinator::HostOptions host;
  web::ServerOptions web;
  int lease_seconds = 15;
  bool has_no_web = false;
};

int serve(CoordinatorOptions options) {
  Signals signals;  // before any thread
  options.host.loop.build = ISOCOST_VERSION;
  options.host.loop.lease = std::chrono::seconds(options.lease_seconds);
  options.host.loop.heartbeat = options.host.loop.lease / 6;
  DatabaseArchive archive(options.host.database);
  std::unique_ptr<web::Server> server;
  options.host.prepare = [&](coordinator::Loop& loop, log::Log& log) -> Result<void> {
    if (options.has_no_web) return {};
    options.web.log = &log;
    options.web.spool = std::filesystem::absolute(options.host.database).parent_path();
    auto opened = web::Server::open(options.web, loop, archive);
    if (!opened) return fail(std::move(opened.error()));
    server = std::move(*opened);
    return {};
  };
  auto host = coordinator::Host::open(options.host);
  if (!host) return complain(host.error().message());
  for (const std::string& warning : (*host)->warnings()) warn(warning);
  if (server) fmt::print("page and commands: {}\n", server->url());
  fmt::print("workers connect to: {}\n", (*host)->endpoint());
  std::fflush(stdout);
  std::optional<std::string> fault;
  while (!fault && !signals.wait(kLook)) fault = (*host)->fault();
  (*host)->loop().stop();  // commands that wait are answered
  server.reset();
  (*host)->stop();
  return fault ? complain(*fault) : kExitDone;
}

}  // namespace

void add_coordinator(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CoordinatorOptions>();
  CLI::App* command = app.add_subcommand("coordinator", "Serve workers and commands");
  command->add_option("--listen", options->host.listen, "Where workers connect")
      ->capture_default_str();
  command->add_option("--db", options->host.database, "The database; made when it is not there")
      ->required();
  command->add_option("--artifacts", options->host.artifacts,
                      "Folder of artifacts; default: beside the database");
  command->add_option("--key", options->host.secret_file, "The coordinator's *.secret");
  command->add_option("--allow", options->host.allow_folder, "Folder of the workers' public *.key");
  command->add_option("--log", options->host.log.file,
                      "Where refusals and troubles of peers are written; default: standard error");
  command->add_option("--http", options->web.endpoint, "Where page and commands are served")
      ->capture_default_str();
  command->add_option("--token-file", options->web.token_file,
                      "A file with the token of the HTTP interface");
  command->add_flag("--no-http", options->has_no_web, "Serve workers alone");
  command
      ->add_option("--lease-seconds", options->lease_seconds,
                   "A worker that is silent for so long is lost")
      ->check(CLI::Range(2, 3600))
      ->capture_default_str();
  command->add_flag("--accept-loss", options->host.accepts_loss,
                    "Go on with a database that lacks acknowledged results: compute them again");
  command->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace isocost::cli

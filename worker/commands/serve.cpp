#include "worker/serve.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "worker/commands/commands.h"
#include "worker/diffusion/tasks/engine_executor.h"

namespace isocost::commands {
namespace {

Result<std::unique_ptr<agent::Executor>> make_engine(const worker::ServeOptions& options,
                                                     io::ArtifactStore& store) {
  auto engine = diffusion::EngineExecutor::create({.models = options.models,
                                                   .device = options.device,
                                                   .dtype = options.dtype,
                                                   .threads = options.threads},
                                                  store);
  if (!engine) return fail(engine.error());
  return std::unique_ptr<agent::Executor>(std::move(*engine));
}

}  // namespace

void add_serve(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<worker::ServeOptions>();
  auto* command = app.add_subcommand("serve", "Compute units of studies for a coordinator");
  worker::add_serve_options(*command, *options);
  command->callback([options, &exit_code] { exit_code = worker::serve(*options, make_engine); });
}

}  // namespace isocost::commands

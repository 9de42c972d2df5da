// isocost-worker serve and calibrate: what wires an engine into the worker.
#include "worker/serve.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "worker/calibrate.h"
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

void add_calibrate(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<worker::CalibrateOptions>();
  auto* command = app.add_subcommand("calibrate", "Measure how fast networks run here");
  worker::add_calibrate_options(*command, *options);
  command->callback(
      [options, &exit_code] { exit_code = worker::calibrate(*options, make_engine); });
}

}  // namespace isocost::commands

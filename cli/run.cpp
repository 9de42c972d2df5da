// isocost run GRID --workers N --out DIR: coordinator, workers, progress and report on one machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <thread>

#include "base/io/presence.h"
#include "cli/command.h"
#include "cli/grid_input.h"
#include "cli/local_workers.h"
#include "cli/progress.h"
#include "cli/report_files.h"
#include "cli/signals.h"
#include "coordinator/host.h"

namespace isocost::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{100};
constexpr std::chrono::seconds kStuckFor{5};  // so long nothing may be runnable before we give up

struct RunOptions {
  fs::path grid;
  fs::path out = "out";
  int workers = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  bool has_own_artifacts = false;
  bool accepts_loss = false;
  fs::path worker_program;
  std::vector<fs::path> models;
  std::string device;
  std::string dtype;
  std::vector<std::string> worker_arguments;
};

class Run {
 public:
  Run(RunOptions options, GridInput input)
      : options_(std::move(options)), input_(std::move(input)) {}

  int run() {
    // Before anything is made. A study that is there may need no worker any more.
    program_ = find_worker_program(options_.worker_program);
    if (!program_ && !fs::exists(options_.out / "isocost.db"))
      return complain(program_.error().message());
    std::error_code error;
    const bool is_new = !fs::exists(options_.out, error);
    if (const auto made = io::make_folder(options_.out); !made)
      return complain(made.error().message());
    core::SubmissionReply answer;
    auto host = coordinator::Host::open(
        {.database = options_.out / "isocost.db",
         .artifacts = options_.out / "artifacts",
         .listen = "tcp://127.0.0.1:0",
         .secret_file = {},
         .allow_folder = {},
         .loop = {.build = ISOCOST_VERSION},
         .accepts_loss = options_.accepts_loss,
         .log = {.file = options_.out / "coordinator.log"},
         .prepare = [&](coordinator::Loop& loop, log::Log&) -> Result<void> {
           auto submitted = loop.submit(input_.submission, 0);
           if (!submitted) return fail(std::move(submitted.error()));
           answer = std::move(*submitted);
           return {};
         }});
    if (!host) {
      if (is_new) fs::remove(options_.out, error);
      return complain(host.error().message());
    }
    host_ = std::move(*host);
    for (const std::string& warning : host_->warnings()) warn(warning);
    fmt::print(stderr, "{}\n", submission_text(answer));
    if (const int code = compute(); code != kExitDone) return code;
    return conclude();
  }

 private:
  [[nodiscard]] coordinator::Loop& loop() { return host_->loop(); }

  // Until nothing is open. An exit code other than 0 ends the command.
  int compute() {
    if (loop().snapshot()->units.open() == 0) return kExitDone;
    if (!program_) return complain(program_.error().message());
    LocalWorkers workers({.program = *program_,
                          .connect = host_->endpoint(),
                          .folder = options_.out / "workers",
                          .artifacts = options_.has_own_artifacts
                                           ? fs::path()
                                           : fs::absolute(options_.out / "artifacts"),
                          .models = input_.models,
                          .arguments = worker_arguments()});
    workers.start(options_.workers);
    const int code = watch(workers);
    printer_.finish();
    loop().drain();
    // Without a coordinator that takes results there is nothing to finish for; a second request to
    // stop hands back at once.
    const bool is_broken = host_->fault().has_value();
    workers.stop([&] { return is_broken || signals_.wait(std::chrono::milliseconds(0)); });
    return code;
  }

  [[nodiscard]] std::vector<std::string> worker_arguments() const {
    std::vector<std::string> arguments{"--give-up", "60"};
    if (!options_.device.empty()) arguments.insert(arguments.end(), {"--device", options_.device});
    if (!options_.dtype.empty()) arguments.insert(arguments.end(), {"--dtype", options_.dtype});
    arguments.insert(arguments.end(), options_.worker_arguments.begin(),
                     options_.worker_arguments.end());
    return arguments;
  }

  int watch(LocalWorkers& workers) {
    auto stuck_since = steady_clock::time_point::max();
    while (true) {
      if (const auto signal = signals_.wait(kLook)) {
        printer_.finish();
        fmt::print(stderr, "stopping; the same command goes on where this one was\n");
        return 128 + *signal;
      }
      if (const auto fault = host_->fault()) return complain(*fault);
      const auto snapshot = loop().snapshot();
      printer_.show(*snapshot, input_.submission.name);
      if (snapshot->units.open() == 0) return kExitDone;
      if (const auto why = workers.all_ended()) {
        printer_.finish();
        return complain("no worker is left: " + *why);
      }
      if (!snapshot->is_stuck)
        stuck_since = steady_clock::time_point::max();
      else if (stuck_since == steady_clock::time_point::max())
        stuck_since = steady_clock::now();
      else if (steady_clock::now() - stuck_since > kStuckFor)
        return complain_stuck(*snapshot);
    }
  }

  int complain_stuck(const core::Snapshot& snapshot) {
    printer_.finish();
    std::string text = "the workers can run none of what is left";
    if (snapshot.missing_inputs.empty()) return complain(text + ": their memory is too small");
    text += "; no worker has";
    for (const core::MissingInput& input : snapshot.missing_inputs) text += "\n  " + input.name;
    return complain(text + "\nexpected below one of the --models folders");
  }

  int conclude() {
    const auto snapshot = loop().snapshot();
    host_->stop();
    const int report = write_report_files(options_.out / "isocost.db", options_.out / "artifacts",
                                          {input_.submission.name}, options_.out);
    for (const core::ExperimentView& view : snapshot->experiments)
      if (view.name == input_.submission.name && view.cells_failed > 0)
        return complain_failed(view);
    return report;
  }

  static int complain_failed(const core::ExperimentView& view) {
    std::string text = fmt::format("{} of {} cells failed\n", view.cells_failed, view.cells) +
                       failed_text(view.failed, Logs::kLeftOut);
    text.pop_back();
    return complain(text);
  }

  RunOptions options_;
  GridInput input_;
  Result<fs::path> program_;
  Signals signals_;  // before any thread
  std::unique_ptr<coordinator::Host> host_;
  ProgressPrinter printer_;
};

int run(const RunOptions& options) {
  auto input = read_grid_input(options.grid);
  if (!input) return complain(input.error().message());
  print_notes(*input);
  input->models.insert(input->models.end(), options.models.begin(), options.models.end());
  return Run(options, std::move(*input)).run();
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand(
      "run", "Run a grid on this machine: coordinator, workers, progress, report");
  command->add_option("GRID", options->grid, "The grid file")->required();
  command->add_option("--workers,-w", options->workers, "Worker processes")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--out,-o", options->out, "Folder of the study: database, artifacts, report")
      ->capture_default_str();
  command->add_option("--models", options->models,
                      "Further folders in which workers look for models");
  command->add_option("--device", options->device, "Of the workers: auto, cpu or cuda:N");
  command->add_option("--dtype", options->dtype, "Of the workers: fp32, bf16 or fp16");
  command->add_flag("--separate-artifacts", options->has_own_artifacts,
                    "Each worker keeps its own artifacts, which travel over the network");
  command->add_flag("--accept-loss", options->accepts_loss,
                    "Go on with a database that lacks acknowledged results: compute them again");
  command->add_option("--worker-program", options->worker_program, "Instead of isocost-worker");
  command->add_option("--worker-argument", options->worker_arguments,
                      "A further argument for each worker");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace isocost::cli

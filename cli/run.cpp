// isocost run GRID --out DIR: coordinator, workers, page, progress and report on one machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>

#include "base/io/presence.h"
#include "base/text.h"
#include "cli/archive.h"
#include "cli/command.h"
#include "cli/grid_input.h"
#include "cli/local_workers.h"
#include "cli/progress.h"
#include "cli/report_files.h"
#include "cli/signals.h"
#include "coordinator/host.h"
#include "coordinator/web/server.h"

namespace isocost::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{100};
constexpr std::chrono::seconds kStuckFor{5};  // so long nothing may be runnable before we give up
constexpr std::size_t kFolderBytesMax = 100;  // of a report's name
constexpr const char* kAnyPage = "http://127.0.0.1:0";  // where the default's port is in use

struct RunOptions {
  fs::path grid;
  fs::path out = "out";
  std::optional<int> workers;  // absent: one for each GPU, or for each core
  bool has_own_artifacts = false;
  bool accepts_loss = false;
  fs::path worker_program;
  std::vector<fs::path> models;
  std::string device;
  std::string dtype;
  std::vector<std::string> worker_arguments;
  std::optional<std::string> http;  // where the page is served; absent: the default, or any port
  fs::path token_file;
  bool has_no_page = false;
  bool is_quiet = false;
};

class Run {
 public:
  Run(RunOptions options, GridInput input)
      : options_(std::move(options)),
        input_(std::move(input)),
        archive_(options_.out / "isocost.db"),
        printer_(options_.is_quiet ? ProgressPrinter::Loudness::kQuiet
                                   : ProgressPrinter::Loudness::kLines) {}

  int run() {
    // Before anything is made. A study that is there may need no worker any more.
    program_ = find_worker_program(options_.worker_program);
    if (!program_ && !fs::exists(options_.out / "isocost.db"))
      return complain(program_.error().message(), kExitInput);
    std::error_code error;
    const bool is_new = !fs::exists(options_.out, error);
    if (const auto made = io::make_folder(options_.out); !made)
      return complain(made.error().message());
    core::SubmissionReply answer;
    bool is_refused = false;
    auto host = coordinator::Host::open(
        {.database = options_.out / "isocost.db",
         .artifacts = options_.out / "artifacts",
         .listen = "tcp://127.0.0.1:0",
         .secret_file = {},
         .allow_folder = {},
         .loop = {.build = ISOCOST_VERSION},
         .accepts_loss = options_.accepts_loss,
         .log = {.file = options_.out / "coordinator.log"},
         .prepare = [&](coordinator::Loop& loop, log::Log& log) -> Result<void> {
           if (auto served = serve_page(loop, log); !served) return served;
           auto submitted = submit(loop);
           is_refused = !submitted;
           if (!submitted) return fail(std::move(submitted.error()));
           answer = std::move(*submitted);
           return {};
         }});
    if (!host) {
      if (is_new) fs::remove(options_.out, error);
      return complain(host.error().message(), is_refused ? kExitInput : kExitFailed);
    }
    host_ = std::move(*host);
    for (const std::string& warning : host_->warnings()) warn(warning);
    say(submission_text(answer));
    if (server_) say("page: " + server_->url());
    if (const int code = compute(); code != kExitDone) return code;
    return conclude();
  }

 private:
  [[nodiscard]] coordinator::Loop& loop() { return host_->loop(); }

  // Where it comes to nothing, the loop is gone at once, and the page's server speaks to it.
  Result<core::SubmissionReply> submit(coordinator::Loop& loop) {
    try {
      auto submitted = loop.submit(input_.submission, 0);
      if (!submitted) server_.reset();
      return submitted;
    } catch (const std::exception&) {
      server_.reset();
      throw;
    }
  }

  // What is no fault: not where quiet is wanted.
  void say(const std::string& text) const {
    if (!options_.is_quiet) fmt::print(stderr, "{}\n", text);
  }

  Result<void> serve_page(coordinator::Loop& loop, log::Log& log) {
    if (options_.has_no_page) return {};
    web::ServerOptions options{.endpoint = options_.http.value_or(web::kDefaultUrl),
                               .token_file = options_.token_file,
                               .spool = fs::absolute(options_.out),
                               .log = &log};
    auto opened = web::Server::open(options, loop, archive_);
    if (!opened && !options_.http) {
      options.endpoint = kAnyPage;
      opened = web::Server::open(options, loop, archive_);
    }
    if (!opened) return fail(std::move(opened.error()));
    server_ = std::move(*opened);
    return {};
  }

  // Where workers compute: as it was said, or on all that their program finds here. None: it does
  // not tell, and each worker chooses by itself.
  [[nodiscard]] std::vector<LocalDevice> devices() const {
    if (!options_.device.empty() && options_.device != "auto")
      return {{options_.device, {{"device", options_.device}}}};
    const auto found = find_devices(*program_);
    if (found) return *found;
    warn(found.error().message() + "; each worker chooses by itself: give --workers and --device");
    return {};
  }

  // "2 workers on cuda:0 (NVIDIA H100, 80 GB), cuda:1 (...)"
  static std::string workers_text(int workers, const std::vector<LocalDevice>& devices) {
    std::string text = fmt::format("{} worker{}", workers, workers == 1 ? "" : "s");
    for (std::size_t i = 0; i < devices.size(); ++i)
      text += (i == 0 ? " on " : "; ") + device_text(devices[i].description);
    return text;
  }

  // Until nothing is open. An exit code other than 0 ends the command.
  int compute() {
    if (loop().snapshot()->units.open() == 0) return kExitDone;
    if (!program_) return complain(program_.error().message(), kExitInput);
    const std::vector<LocalDevice> found = devices();
    const int count = options_.workers.value_or(default_workers(found));
    std::vector<std::string> names;
    names.reserve(found.size());
    for (const LocalDevice& device : found) names.push_back(device.device);
    say(workers_text(count, found));
    LocalWorkers workers({.program = *program_,
                          .connect = host_->endpoint(),
                          .folder = options_.out / "workers",
                          .artifacts = options_.has_own_artifacts
                                           ? fs::path()
                                           : fs::absolute(options_.out / "artifacts"),
                          .models = input_.models,
                          .arguments = worker_arguments(),
                          .devices = names});
    workers.start(count);
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
        say("stopping; the same command goes on where this one was");
        return 128 + *signal;
      }
      if (const auto fault = host_->fault()) return complain(*fault);
      const auto snapshot = loop().snapshot();
      printer_.show(*snapshot, input_.submission.name);
      if (snapshot->units.open() == 0) return kExitDone;
      if (const auto why = workers.all_ended()) {
        printer_.finish();
        return complain("no worker is left: " + *why, kExitNobody);
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
    if (snapshot.missing_inputs.empty())
      return complain(text + ": their memory is too small", kExitNobody);
    text += "; no worker has";
    for (const core::MissingInput& input : snapshot.missing_inputs) text += "\n  " + input.name;
    return complain(text + "\nexpected below one of the --models folders", kExitInput);
  }

  int conclude() {
    const auto snapshot = loop().snapshot();
    loop().stop();  // commands that wait are answered
    server_.reset();
    host_->stop();
    const int report = write_report_files(options_.out / "isocost.db", options_.out / "artifacts",
                                          {input_.submission.name}, report_folder(*snapshot));
    for (const core::ExperimentView& view : snapshot->experiments) {
      if (view.name != input_.submission.name) continue;
      if (view.is_cancelled && view.cells_cancelled > 0)
        return complain(view.name + " was cancelled; the same command takes it up where it was");
      if (view.cells_failed > 0) return complain_failed(view);
    }
    return report;
  }

  // The study's folder is the first one's; each further one has a folder of its own in it.
  [[nodiscard]] fs::path report_folder(const core::Snapshot& snapshot) const {
    const std::string& name = input_.submission.name;
    if (snapshot.experiments.empty() || snapshot.experiments.front().name == name)
      return options_.out;
    return options_.out / "reports" / file_name_of(name, kFolderBytesMax);
  }

  static int complain_failed(const core::ExperimentView& view) {
    std::string text = fmt::format("{} of {} cells failed\n", view.cells_failed, view.cells) +
                       failed_text(view.failed, Logs::kLeftOut);
    text.pop_back();
    return complain(text, kExitCells);
  }

  RunOptions options_;
  GridInput input_;
  Result<fs::path> program_;
  Signals signals_;  // before any thread
  DatabaseArchive archive_;
  std::unique_ptr<coordinator::Host> host_;
  std::unique_ptr<web::Server> server_;  // goes before what it speaks to
  ProgressPrinter printer_;
};

int run(const RunOptions& options) {
  auto input = read_grid_input(options.grid);
  if (!input) return complain(input.error().message(), kExitInput);
  if (!options.is_quiet) print_notes(*input);
  input->models.insert(input->models.end(), options.models.begin(), options.models.end());
  return Run(options, std::move(*input)).run();
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand(
      "run", "Run a grid on this machine: coordinator, workers, progress, report");
  command->add_option("GRID", options->grid, "The grid file")->required();
  command
      ->add_option("--workers,-w", options->workers,
                   "Worker processes; default: one for each GPU, or for each core where there is "
                   "none")
      ->check(CLI::Range(1, 1024));
  command->add_option("--out,-o", options->out, "Folder of the study: database, artifacts, report")
      ->capture_default_str();
  command->add_option("--models", options->models,
                      "Further folders in which workers look for models");
  command->add_option("--device", options->device,
                      "Of all workers: cpu or cuda:N; default: each on a GPU of its own");
  command->add_option("--dtype", options->dtype, "Of the workers: fp32, bf16 or fp16");
  command->add_flag("--separate-artifacts", options->has_own_artifacts,
                    "Each worker keeps its own artifacts, which travel over the network");
  command->add_flag("--accept-loss", options->accepts_loss,
                    "Go on with a database that lacks acknowledged results: compute them again");
  command->add_option("--worker-program", options->worker_program, "Instead of isocost-worker");
  command->add_option("--worker-argument", options->worker_arguments,
                      "A further argument for each worker");
  command->add_option(
      "--http", options->http,
      fmt::format("Where the page is served; default: {}, or any free port", web::kDefaultUrl));
  command->add_option("--token-file", options->token_file, "A file with the page's token");
  command->add_flag("--no-http", options->has_no_page, "Serve no page");
  command->add_flag("--quiet,-q", options->is_quiet, "Show no progress and no notes");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace isocost::cli

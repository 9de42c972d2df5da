// isocost submit GRID [--wait], cancel EXPERIMENT, retry EXPERIMENT|--all: commands to a running
// coordinator.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>

#include "base/command_line.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/grid_input.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "coordinator/web/json.h"

namespace isocost::cli {
namespace {

struct CommandOptions {
  CoordinatorAddress address;
  std::filesystem::path grid;
  std::string experiment;
  int priority = 0;
  bool is_all = false;
  bool is_json = false;
  bool is_waiting = false;
  bool is_quiet = false;
};

// What `text_of` makes of the answer (a Result<std::string>), or JSON as it came.
template <class TextOf>
int show(const tl::expected<Json, CallFault>& answer, bool is_json, TextOf text_of) {
  if (!answer) return complain(answer.error());
  const Result<std::string> text =
      is_json ? answer->dump(2, ' ', false, Json::error_handler_t::replace) : text_of(*answer);
  if (!text) return complain(text.error().message(), kExitInput);
  fmt::print("{}\n", is_json ? *text : one_line(*text));
  return kExitDone;
}

// The exit code once no unit of the experiment is open.
std::optional<int> end_of(const core::Snapshot& status, const std::string& experiment,
                          ProgressPrinter& printer) {
  for (const core::ExperimentView& view : status.experiments) {
    if (view.name != experiment || view.units.open() > 0) continue;
    printer.finish();
    if (view.is_cancelled)
      return complain(view.name + " was cancelled; submit its grid again to go on", kExitFailed);
    if (view.cells_failed == 0) return kExitDone;
    return complain(fmt::format("{} of {} cells failed; isocost status says why", view.cells_failed,
                                view.cells),
                    kExitCells);
  }
  return std::nullopt;
}

// Shows progress until no unit of the experiment is open. A coordinator that is started again
// meanwhile is waited for.
int wait_for(const std::string& experiment, const CommandOptions& options) {
  constexpr std::chrono::seconds kBetweenLooks{1};
  Signals signals;
  Silence silence;
  ProgressPrinter printer(options.is_quiet ? ProgressPrinter::Loudness::kQuiet
                                           : ProgressPrinter::Loudness::kLines);
  while (true) {
    const auto status = status_of(options.address);
    if (!status && silence.is_too_long()) {
      printer.finish();
      return complain(status.error());
    }
    if (status) {
      silence.end();
      printer.show(*status, experiment);
      if (const auto code = end_of(*status, experiment, printer)) return *code;
    }
    if (const auto signal = signals.wait(kBetweenLooks)) {
      printer.finish();
      if (!options.is_quiet) fmt::print(stderr, "no longer waiting; the coordinator goes on\n");
      return 128 + *signal;
    }
  }
}

int submit(const CommandOptions& options) {
  const auto input = read_grid_input(options.grid);
  if (!input) return complain(input.error().message(), kExitInput);
  if (!options.is_quiet) print_notes(*input);
  const int code = show(call(options.address, "POST",
                             fmt::format("/api/v1/experiments?priority={}", options.priority),
                             to_json(input->submission).dump()),
                        options.is_json, [](const Json& answer) -> Result<std::string> {
                          const auto reply = web::submission_reply_from_json(answer, "answer");
                          if (!reply) return fail(reply.error());
                          return reply->experiment + ": " + submission_text(*reply);
                        });
  if (code != kExitDone || !options.is_waiting) return code;
  return wait_for(input->submission.name, options);
}

int cancel(const CommandOptions& options) {
  return show(call(options.address, "DELETE",
                   "/api/v1/experiments/" + percent_encoded(options.experiment), ""),
              options.is_json, [&](const Json&) -> Result<std::string> {
                return options.experiment + " is cancelled; what it computed stays";
              });
}

int retry(const CommandOptions& options) {
  if (options.experiment.empty() != options.is_all)
    return complain("retry: expected the name of an experiment, or --all", kExitUsage);
  const std::string target =
      options.is_all ? "/api/v1/retry"
                     : "/api/v1/experiments/" + percent_encoded(options.experiment) + "/retry";
  return show(call(options.address, "POST", target, ""), options.is_json,
              [](const Json& answer) -> Result<std::string> {
                const auto reply = web::retry_reply_from_json(answer, "answer");
                if (!reply) return fail(reply.error());
                return fmt::format("{} failed units are taken up again", reply->retried_units);
              });
}

CLI::App* add(CLI::App& app, const std::string& name, const std::string& what,
              CommandOptions& options) {
  CLI::App* command = app.add_subcommand(name, what);
  add_address_options(*command, options.address);
  command->add_flag("--json", options.is_json, "Print the answer as JSON");
  return command;
}

}  // namespace

void add_submit(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command = add(app, "submit", "Hand a grid to a running coordinator", *options);
  command->add_option("GRID", options->grid, "The grid file")->required();
  command->add_option("--priority", options->priority, "Higher runs first")
      ->check(CLI::Range(-1000, 1000))
      ->capture_default_str();
  command->add_flag("--wait", options->is_waiting, "Show progress until it is computed");
  command->add_flag("--quiet,-q", options->is_quiet, "Show no progress and no notes");
  command->callback([options, &exit_code] { exit_code = submit(*options); });
}

void add_cancel(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command =
      add(app, "cancel", "Stop what only this experiment wants; results stay", *options);
  command->add_option("EXPERIMENT", options->experiment, "Its name")->required();
  command->callback([options, &exit_code] { exit_code = cancel(*options); });
}

void add_retry(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command = add(app, "retry", "Take failed units up again", *options);
  command->add_option("EXPERIMENT", options->experiment, "Its name");
  command->add_flag("--all", options->is_all, "Those of all experiments");
  command->callback([options, &exit_code] { exit_code = retry(*options); });
}

}  // namespace isocost::cli

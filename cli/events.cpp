// isocost events [--follow]: what happened, asked of a coordinator or read from a database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/command_line.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "coordinator/storage/reader.h"
#include "coordinator/web/json.h"

namespace isocost::cli {
namespace {

constexpr std::chrono::seconds kBetweenEvents{1};

struct EventsOptions {
  CoordinatorAddress address;
  std::filesystem::path database;
  log::EventQuery query;
  bool is_following = false;
  bool is_json = false;
};

using Found = Asked<std::vector<log::Event>>;

Found read(const EventsOptions& options, const log::EventQuery& query) {
  auto reader = storage::Reader::open(options.database);
  if (!reader) return tl::unexpected(CallFault{std::move(reader.error()), kExitInput});
  return (*reader)->events(query);
}

Found look(const EventsOptions& options, const log::EventQuery& query) {
  return options.database.empty() ? events_of(options.address, query) : read(options, query);
}

void print(const std::vector<log::Event>& events, const EventsOptions& options) {
  for (const log::Event& event : events)
    fmt::print("{}\n", options.is_json ? web::to_json(event).dump(-1, ' ', false,
                                                                  Json::error_handler_t::replace)
                                       : event_text(event, Dates::kShown));
  std::fflush(stdout);
}

// Until somebody stops it. A coordinator that is started again meanwhile is waited for.
int follow(const EventsOptions& options, log::EventQuery query) {
  Signals signals;
  Silence silence;
  while (true) {
    const auto found = look(options, query);
    if (!found && silence.is_too_long()) return complain(found.error());
    if (found) {
      silence.end();
      print(*found, options);
      query.limit = log::kEventsAtOnceMax;
      query.after = found->empty() ? query.after.value_or(0) : found->back().id;
      if (found->size() == log::kEventsAtOnceMax) continue;  // there are more
    }
    if (std::ferror(stdout) != 0) return kExitFailed;  // nobody reads it any more
    if (signals.wait(kBetweenEvents)) return kExitDone;
  }
}

int events(const EventsOptions& options) {
  if (!options.database.empty()) warn_of_loss(options.database);
  const auto found = look(options, options.query);
  if (!found) return complain(found.error());
  print(*found, options);
  if (!options.is_following) return kExitDone;
  log::EventQuery query = options.query;
  query.after = found->empty() ? query.after.value_or(0) : found->back().id;
  query.limit = log::kEventsAtOnceMax;
  return follow(options, query);
}

}  // namespace

void add_events(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<EventsOptions>();
  CLI::App* command = app.add_subcommand("events", "Tell what happened: the last events");
  add_address_options(*command, options->address);
  command->add_option("--db", options->database, "Read a database; no coordinator is asked");
  command->add_option("--limit,-n", options->query.limit, "So many of the last ones")
      ->capture_default_str()
      ->check(kWholeNumber)
      ->check(CLI::Range(std::size_t{1}, log::kEventsAtOnceMax));
  command->add_option("--kind", options->query.kind, "Of this kind alone: lost, finished, ...");
  command->add_option("--experiment", options->query.experiment, "Of this experiment alone");
  command->add_flag("--follow,-f", options->is_following, "Go on with what happens next");
  command->add_flag("--json", options->is_json, "As JSON, one event a line");
  command->callback([options, &exit_code] { exit_code = events(*options); });
}

}  // namespace isocost::cli

// isocost status: experiments, cells, failures and workers, asked of a coordinator or read from a
// database.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/command.h"
#include "cli/http_client.h"
#include "cli/progress.h"
#include "coordinator/storage/reader.h"

namespace isocost::cli {
namespace {

struct StatusOptions {
  CoordinatorAddress address;
  std::filesystem::path database;
  bool is_json = false;
};

Result<Json> read_status(const StatusOptions& options) {
  if (options.database.empty()) return call(options.address, "GET", "/api/v1/status", "");
  warn_of_loss(options.database);
  auto reader = storage::Reader::open(options.database);
  if (!reader) return fail(std::move(reader.error()));
  return core::to_json((*reader)->snapshot());
}

void print_experiment(const Json& view) {
  const Json& units = view.at("units");
  const auto number = [](const Json& object, const char* key) {
    return object.at(key).get<std::uint64_t>();
  };
  fmt::print("{}{}: {} of {} cells done, {} failed; units: {} done, {} open, {} failed\n",
             view.at("name").get<std::string>(),
             view.at("is_cancelled").get<bool>() ? " (cancelled)" : "", number(view, "cells_done"),
             number(view, "cells"), number(view, "cells_failed"), number(units, "done"),
             number(units, "waiting") + number(units, "ready"), number(units, "failed"));
  fmt::print("{}", failed_text(view.at("failed")));
}

void print(const Json& status) {
  for (const Json& view : status.at("experiments")) print_experiment(view);
  for (const Json& worker : status.at("workers")) {
    fmt::print("worker {} ({})\n", worker.at("name").get<std::string>(),
               worker.at("device_class").get<std::string>());
    for (const Json& running : worker.at("running")) fmt::print("  {}\n", running_text(running));
    if (const std::string health = health_text(worker); !health.empty())
      fmt::print("  {}\n", health);
  }
  for (const Json& fault : status.at("key_faults"))
    fmt::print("a key is left out: {}\n", fault.get<std::string>());
  std::string incidents;
  for (const auto& [kind, count] : status.at("incidents").items())
    if (count != 0)
      incidents += fmt::format("{}{} {}", incidents.empty() ? "" : ", ", count.dump(), kind);
  if (!incidents.empty()) fmt::print("peers since the start (see the log): {}\n", incidents);
  for (const Json& input : status.at("missing_input_names"))
    fmt::print("no worker has {}\n", input.get<std::string>());
  if (status.at("seconds_left").is_number() && status.at("seconds_left").get<double>() > 0)
    fmt::print("{} left\n", duration_text(status.at("seconds_left").get<double>()));
}

int status(const StatusOptions& options) {
  const auto answer = read_status(options);
  if (!answer) return complain(answer.error().message());
  if (options.is_json) {
    fmt::print("{}\n", answer->dump(2));
    return kExitDone;
  }
  try {
    print(*answer);
  } catch (const Json::exception&) {  // whoever answers at an address need not be a coordinator
    return complain(options.address.url + ": the answer is not a coordinator's status");
  }
  return kExitDone;
}

}  // namespace

void add_status(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Show experiments, failures and workers");
  add_address_options(*command, options->address);
  command->add_option("--db", options->database, "Read a database; no coordinator is asked");
  command->add_flag("--json", options->is_json, "As JSON");
  command->callback([options, &exit_code] { exit_code = status(*options); });
}

}  // namespace isocost::cli

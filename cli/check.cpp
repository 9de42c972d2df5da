// isocost check --db DATABASE: compares the artifacts that a database names with the store.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>

#include "base/io/artifact_store.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "coordinator/repair.h"
#include "coordinator/storage/reader.h"

namespace isocost::cli {
namespace {

namespace fs = std::filesystem;

struct CheckOptions {
  fs::path database;
  fs::path artifacts;
  bool is_repairing = false;
  bool is_json = false;
};

struct Lost {
  storage::Reader::StoredArtifact artifact;
  io::ArtifactStore::State state = io::ArtifactStore::State::kMissing;
};

std::string text_of(io::ArtifactStore::State state) {
  switch (state) {
    case io::ArtifactStore::State::kWhole:
      return "whole";
    case io::ArtifactStore::State::kDamaged:
      return "damaged";
    case io::ArtifactStore::State::kMissing:
      return "missing";
    case io::ArtifactStore::State::kNoFile:
      return "no file";
  }
  return {};
}

std::vector<Lost> look(const io::ArtifactStore& store,
                       const std::vector<storage::Reader::StoredArtifact>& artifacts) {
  constexpr std::chrono::seconds kSilentAtFirst{1};
  std::vector<Lost> lost;
  const auto begin = std::chrono::steady_clock::now() + kSilentAtFirst;
  ProgressPrinter printer;
  for (std::size_t i = 0; i < artifacts.size(); ++i) {
    if (std::chrono::steady_clock::now() >= begin)
      printer.show(fmt::format("{} of {} artifacts read, {} missing or damaged", i,
                               artifacts.size(), lost.size()));
    const auto state = store.state(artifacts[i].digest);
    if (state != io::ArtifactStore::State::kWhole) lost.push_back({artifacts[i], state});
  }
  printer.finish();
  return lost;
}

Json to_json(const Lost& one) {
  return {{"artifact", one.artifact.digest.name()},
          {"name", one.artifact.name},
          {"unit", one.artifact.unit},
          {"is", text_of(one.state)}};
}

int check(const CheckOptions& options) {
  warn_of_loss(options.database);
  const fs::path folder = options.artifacts.empty()
                              ? fs::absolute(options.database).parent_path() / "artifacts"
                              : options.artifacts;
  if (!fs::is_directory(folder))
    return complain(folder.string() + ": there is no such folder; expected the artifact store",
                    kExitInput);
  auto reader = storage::Reader::open(options.database);
  if (!reader) return complain(reader.error().message(), kExitInput);
  const auto artifacts = (*reader)->artifacts();
  const std::vector<Lost> lost = look(io::ArtifactStore(folder), artifacts);
  reader->reset();

  std::uint64_t made_again = 0;
  if (options.is_repairing && !lost.empty()) {
    std::vector<Digest> digests;
    digests.reserve(lost.size());
    for (const Lost& one : lost) digests.push_back(one.artifact.digest);
    const auto units = coordinator::make_again(options.database, digests);
    if (!units) return complain(units.error().message());
    made_again = *units;
  }
  if (options.is_json) {
    Json list = Json::array();
    for (const Lost& one : lost) list.push_back(to_json(one));
    fmt::print(
        "{}\n",
        Json{{"artifacts", artifacts.size()}, {"lost", list}, {"made_again", made_again}}.dump(2));
  } else {
    for (const Lost& one : lost)
      fmt::print("{} {} of {}: {}\n", text_of(one.state), one.artifact.name, one.artifact.unit,
                 io::ArtifactStore(folder).path(one.artifact.digest).string());
    fmt::print("{} artifacts, {} missing or damaged\n", artifacts.size(), lost.size());
    if (made_again > 0)
      fmt::print("{} units are open again; the next run computes them\n", made_again);
    else if (!lost.empty())
      fmt::print("what open cells need is made again by itself; --repair takes up all of it\n");
  }
  return lost.empty() || made_again > 0 ? kExitDone : kExitFailed;
}

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "Compare the artifacts that a database names with those that are there");
  command->add_option("--db", options->database, "The database")->required();
  command->add_option("--artifacts", options->artifacts,
                      "Folder of artifacts; default: beside the database");
  command->add_flag("--repair", options->is_repairing,
                    "Take up again what made them; no coordinator may use the database");
  command->add_flag("--json", options->is_json, "As JSON");
  command->callback([options, &exit_code] { exit_code = check(*options); });
}

}  // namespace isocost::cli

// isocost keys generate NAME... --out DIR: key pairs of coordinator and workers.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/io/presence.h"
#include "base/transport/keys.h"
#include "cli/command.h"

namespace isocost::cli {
namespace {

struct KeyOptions {
  std::vector<std::string> names;
  std::filesystem::path out = "keys";
};

int generate(const KeyOptions& options) {
  Failure failure;
  if (const auto made = io::make_folder(options.out); !made)
    return complain(made.error().message());
  for (const std::string& name : options.names) {
    const auto key = transport::write_keys(options.out, name);
    if (!key) {
      failure.add(key.error());
      continue;
    }
    const std::string base = (options.out / name).string();
    fmt::print("{}.secret  stays with {}\n{}.key     goes to the other side\n", base, name, base);
  }
  return failure.is_empty() ? kExitDone : complain(failure.message());
}

}  // namespace

void add_keys(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = app.add_subcommand("keys", "Keys of coordinator and workers");
  command->require_subcommand(1);
  CLI::App* make = command->add_subcommand("generate", "Make a key pair for each name");
  make->add_option("name", options->names, "Of the coordinator or a worker")->required();
  make->add_option("-o,--out", options->out, "Folder to write to")->capture_default_str();
  make->callback([options, &exit_code] { exit_code = generate(*options); });
}

}  // namespace isocost::cli

// isocost keys generate NAME... --out DIR: key pairs of coordinator and workers.
// isocost keys pool NAME --count N --out DIR: N keys of workers out of one secret.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/io/presence.h"
#include "base/transport/key_pool.h"
#include "base/transport/keys.h"
#include "cli/command.h"

namespace isocost::cli {
namespace {

struct KeyOptions {
  std::vector<std::string> names;
  std::filesystem::path out = "keys";
};

struct PoolOptions {
  std::string name;
  std::int64_t count = 0;
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
  return failure.is_empty() ? kExitDone : complain(failure.message(), kExitInput);
}

int make_pool(const PoolOptions& options) {
  if (const auto made = io::make_folder(options.out); !made)
    return complain(made.error().message());
  if (const auto written = transport::write_pool(options.out, options.name, options.count);
      !written)
    return complain(written.error().message(), kExitInput);
  const std::string base = (options.out / options.name).string();
  fmt::print(
      "{0}.secret  goes to the workers: serve --key {0}.secret --key-number 1 to {1}\n"
      "{0}.keys    goes to the coordinator's --allow folder\n",
      base, options.count);
  return kExitDone;
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

  auto pool = std::make_shared<PoolOptions>();
  CLI::App* many = command->add_subcommand("pool", "Make keys of many workers out of one secret");
  many->add_option("name", pool->name, "What their names begin with")->required();
  many->add_option("--count", pool->count, "How many")
      ->required()
      ->check(kWholeNumber)
      ->check(CLI::Range(std::int64_t{1}, transport::kPoolKeysMax));
  many->add_option("-o,--out", pool->out, "Folder to write to")->capture_default_str();
  many->callback([pool, &exit_code] { exit_code = make_pool(*pool); });
}

}  // namespace isocost::cli

// isocost-worker devices: what LibTorch can compute on here.
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "worker/commands/commands.h"
#include "worker/commands/output.h"
#include "worker/diffusion/models/device.h"
#include "worker/diffusion/tasks/device.h"

namespace isocost::commands {
namespace {

int print_devices(bool is_json) {
  Json list = Json::array();
  for (const at::Device device : diffusion::devices())
    list.push_back(diffusion::device_description(device, at::get_num_threads()));
  if (is_json) {
    print_json(list);
    return 0;
  }
  for (const Json& device : list)
    std::printf("%s  %s, %.0f GB\n", device.at("device").get<std::string>().c_str(),
                device.at("name").get<std::string>().c_str(),
                device.at("memory_bytes").get<double>() * 1e-9);
  return 0;
}

}  // namespace

void add_devices(CLI::App& app, int& exit_code) {
  const auto is_json = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("devices", "All GPUs here, or the CPU where there is none");
  command->add_flag("--json", *is_json, "Print JSON");
  command->callback([is_json, &exit_code] { exit_code = print_devices(*is_json); });
}

}  // namespace isocost::commands

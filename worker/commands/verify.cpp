#include "worker/diffusion/verify/verify.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <system_error>

#include "worker/commands/commands.h"
#include "worker/commands/output.h"
#include "worker/diffusion/models/device.h"

namespace isocost::commands {
namespace {

struct VerifyArguments {
  std::string model;
  std::string reference;
  std::string run;
  std::string write;
  std::string device = "cpu";
  bool is_json = false;
};

Json error_json(const Error& error) {
  return {{"where", error.where}, {"what", error.what}, {"expected", error.expected}};
}

void print_report_json(const diffusion::VerifyReport& report) {
  Json items = Json::array();
  for (const auto& one : report.comparisons) {
    const bool is_finite = std::isfinite(one.difference);
    items.push_back({{"item", one.item},
                     {"output", one.output},
                     {"difference", is_finite ? Json(one.difference) : Json()},
                     {"tolerance", one.tolerance},
                     {"within", one.is_within}});
  }
  Json faults = Json::array();
  Json not_built = Json::array();
  for (const auto& fault : report.faults) faults.push_back(error_json(fault));
  for (const auto& needs : report.not_built) not_built.push_back(error_json(needs));
  print_json({{"items", items},
              {"faults", faults},
              {"not_built", not_built},
              {"exit_code", report.exit_code()}});
}

void print_report_text(const diffusion::VerifyReport& report) {
  std::size_t outside = 0;
  for (const auto& one : report.comparisons) {
    if (!one.is_within) ++outside;
    std::printf("%-7s %-28s %-24s difference %-12.4g tolerance %g\n",
                one.is_within ? "ok" : "OUTSIDE", one.item.c_str(), one.output.c_str(),
                one.difference, one.tolerance);
  }
  for (const auto& fault : report.faults) std::printf("FAULT   %s\n", fault.message().c_str());
  for (const auto& needs : report.not_built) std::printf("unbuilt %s\n", needs.message().c_str());
  std::printf("%zu outputs compared: %zu within, %zu outside; %zu faults; %zu not built yet\n",
              report.comparisons.size(), report.comparisons.size() - outside, outside,
              report.faults.size(), report.not_built.size());
}

int run_verify(const VerifyArguments& arguments) {
  const auto device = diffusion::open_device(arguments.device);
  if (!device) return report_failure(device.error());
  const auto report =
      diffusion::verify({arguments.model, arguments.reference, arguments.run, *device});
  if (!report) return report_failure(report.error());
  if (arguments.is_json) {
    print_report_json(*report);
  } else {
    print_report_text(*report);
  }
  if (!arguments.write.empty()) diffusion::write_tensors(arguments.write, report->computed);
  return report->exit_code();
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<VerifyArguments>();
  auto* command =
      app.add_subcommand("verify", "Compare a model with a stored reference, item by item");
  command->add_option("model", arguments->model, "A model folder")->required();
  command->add_option("--reference", arguments->reference,
                      "The reference's folder (default: MODEL/golden)");
  command->add_option("--run", arguments->run, "One unit or run by its id");
  command->add_option("--write", arguments->write,
                      "Keep what was computed in this safetensors file");
  command->add_option("--device", arguments->device, "cpu or cuda:N")->capture_default_str();
  command->add_flag("--json", arguments->is_json, "Print JSON");
  command->footer(
      "Exit code: 0 all within their tolerances, 1 something is outside or at fault, 2 something "
      "is not built yet.");
  command->callback([arguments, &exit_code] { exit_code = run_verify(*arguments); });
}

}  // namespace isocost::commands

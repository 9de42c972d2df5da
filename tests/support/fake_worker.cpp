// isocost-fake-worker: isocost-worker's serve with an executor that computes nothing, for
// end-to-end tests of the coordinator without LibTorch.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "base/io/inputs.h"
#include "tests/support/fake_executor.h"
#include "worker/calibrate.h"
#include "worker/serve.h"

int main(int argc, char** argv) {
  CLI::App app("A worker that only seems to compute");
  isocost::worker::ServeOptions options;
  isocost::testing::FakeExecutorOptions fake;
  std::vector<std::string> inputs, failing, crashing;
  std::int64_t unit_ms = 0;
  CLI::App* serve = app.add_subcommand("serve");
  isocost::worker::add_serve_options(*serve, options);
  serve->add_option("--unit-ms", unit_ms, "How long each unit seems to compute");
  serve->add_option("--input", inputs, "Digests that it says it has");
  serve->add_option("--fail", failing, "Units whose name contains this text fail as a bug");
  serve->add_option("--crash", crashing, "Units whose name contains this text end the process");
  serve->add_option("--rows-bytes", fake.rows_bytes, "Size of each rows artifact");
  isocost::worker::CalibrateOptions calibration;
  CLI::App* calibrate = app.add_subcommand("calibrate");
  isocost::worker::add_calibrate_options(*calibrate, calibration);
  CLI::App* devices = app.add_subcommand("devices");
  bool is_json = false;
  devices->add_flag("--json", is_json);
  // "cuda:0 cuda:1": what it says that there is.
  devices->callback([] {
    const char* named = std::getenv("ISOCOST_FAKE_DEVICES");
    std::istringstream names(named == nullptr ? "cpu" : named);
    isocost::Json list = isocost::Json::array();
    for (std::string name; names >> name;)
      list.push_back({{"device", name}, {"name", "a fake one"}, {"memory_bytes", 80'000'000'000}});
    std::cout << list << "\n";
  });
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);
  if (devices->parsed()) return 0;

  if (options.device != "auto") fake.device = options.device;
  fake.unit_time = std::chrono::milliseconds(unit_ms);
  fake.fault = [&](const isocost::agent::LeasedUnit& unit) -> std::optional<isocost::UnitFailure> {
    for (const std::string& text : crashing)
      if (unit.name.find(text) != std::string::npos) std::abort();
    for (const std::string& text : failing) {
      if (unit.name.find(text) != std::string::npos)
        return isocost::UnitFailure{
            isocost::FailureClass::kBug, "asked to fail", {"asked to fail by --fail"}};
    }
    return std::nullopt;
  };
  const auto make = [&](const isocost::worker::ServeOptions& chosen,
                        isocost::io::ArtifactStore& store)
      -> isocost::Result<std::unique_ptr<isocost::agent::Executor>> {
    fake.inventory = inputs;
    for (const auto& [digest, path] : isocost::io::scan_inputs(chosen.models).inputs)
      fake.inventory.push_back(digest);
    return std::make_unique<isocost::testing::FakeExecutor>(store, fake);
  };
  if (calibrate->parsed()) {
    fake.unit_time = std::chrono::milliseconds(100);
    return isocost::worker::calibrate(calibration, make);
  }
  return isocost::worker::serve(options, make);
}

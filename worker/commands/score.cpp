#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "base/command_line.h"
#include "schema/metrics/choice.h"
#include "worker/commands/commands.h"
#include "worker/commands/output.h"
#include "worker/diffusion/metrics/evaluation/evaluate.h"
#include "worker/diffusion/models/device.h"

namespace isocost::commands {
namespace {

struct ScoreArguments {
  std::string metric, pictures, reference, items, extractor, protocol, write_rows;
  std::vector<std::string> settings;
  std::string device = "auto";
  std::int64_t batch = 16;
  bool is_json = false;
};

// Lines on the error stream, for who waits.
class Progress {
 public:
  void operator()(const std::string& what, std::size_t done, std::size_t of) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(2)) return;
    last_ = now;
    std::fprintf(stderr, "isocost-worker: %s: %zu of %zu\n", what.c_str(), done, of);
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::string shown(const Json& number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", number.get<double>());
  return text;
}

// "psnr 34.8507 dB, 95 % interval 34.1 to 35.6 (jackknife), n 200"
std::string line_of(const Json& values) {
  const auto text_of = [&](const char* member) { return values.at(member).get<std::string>(); };
  std::string line = text_of("metric") + " " +
                     (values.at("value").is_null() ? "infinite" : shown(values.at("value")));
  if (const std::string unit = text_of("unit"); !unit.empty()) line += " " + unit;
  const std::string method = values.at("interval").at("method").get<std::string>();
  line += method == "none" ? ", no interval"
                           : ", 95 % interval " + shown(values.at("low")) + " to " +
                                 shown(values.at("high")) + " (" + method + ")";
  line += ", n " + std::to_string(values.at("n").get<std::int64_t>());
  if (!values.contains("reference_n")) return line;
  const Json& count = values.at("reference_n");
  return line + ", reference n " +
         (count.is_null() ? "unknown" : std::to_string(count.get<std::int64_t>()));
}

// What each metric needs, for --help.
std::string metrics_text() {
  std::string text =
      "Metrics, what each needs beside the pictures, and which direction is better:\n";
  for (const auto& row : metrics::metrics()) {
    std::vector<std::string> needs;
    if (metrics::usual_extractor_for(row.rows) == nullptr) needs.emplace_back("--extractor");
    if (row.reference != metrics::ReferenceNeed::kNone) needs.emplace_back("--reference");
    std::vector<std::string> slots;
    for (const auto slot : row.needs()) slots.emplace_back(tasks::slot_name(slot));
    if (!slots.empty()) needs.push_back("--items with the " + joined(slots));
    text += "  " + row.name + std::string(20 - std::min<std::size_t>(19, row.name.size()), ' ') +
            (row.is_lower_better() ? "lower   " : "higher  ") +
            (needs.empty() ? "nothing" : joined(needs)) + "\n";
  }
  return text +
         "Targets may come from --reference instead: a folder whose pictures have the same names,\n"
         "or are as many in the same order. docs/metrics.md has each metric's definition, source\n"
         "and options.\n"
         "Exit code: 0 computed, 1 something is at fault (a sentence each on the error stream), 2 "
         "the\ncommand line is not understood.";
}

// "mini, a path, or with its form: clip:PATH, ..."
std::string extractors_text() {
  std::vector<std::string> forms;
  for (const auto& member : metrics::members()) forms.push_back(member + ":PATH");
  return "What makes the rows: " + std::string(metrics::kMini) +
         ", a path, or with its form: " + joined(forms);
}

std::string protocols_text() {
  std::vector<std::string> names;
  for (const auto& row : metrics::metrics())
    for (const auto& name : metrics::preset_names(row))
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return "Options under a name that the field knows: " + joined(names);
}

int run_score(const ScoreArguments& arguments) {
  const auto device = diffusion::open_device(arguments.device);
  if (!device) return report_failure(device.error());
  auto progress = std::make_shared<Progress>();
  const auto values = diffusion::evaluate(
      {.words = {arguments.metric, arguments.extractor, arguments.protocol, arguments.settings},
       .pictures = arguments.pictures,
       .reference = arguments.reference,
       .items = arguments.items,
       .write_rows = arguments.write_rows,
       .device = *device,
       .batch = arguments.batch,
       .progress = [progress](const std::string& what, std::size_t done, std::size_t of) {
         (*progress)(what, done, of);
       }});
  if (!values) return report_failure(values.error());
  if (arguments.is_json) {
    print_json(*values);
    return 0;
  }
  for (const Json& note : values->at("notes"))
    std::cerr << "isocost-worker: note: " << note.get<std::string>() << '\n';
  std::cout << line_of(*values) << '\n';
  return 0;
}

}  // namespace

void add_score(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<ScoreArguments>();
  auto* command = app.add_subcommand("score", "A metric of pictures in a folder, without a study");
  command->add_option("--metric", arguments->metric, joined(metrics::metric_names()))->required();
  command
      ->add_option("--pictures", arguments->pictures,
                   "A folder of pictures, or a .safetensors of their rows")
      ->required();
  command->add_option("--reference", arguments->reference,
                      "What they are compared with: a folder of pictures, a .safetensors of rows, "
                      "an .npz of mu and sigma; of a metric of pairs, the targets");
  command->add_option("--items", arguments->items,
                      "A folder with metadata.jsonl: what belongs to each picture");
  command->add_option("--extractor", arguments->extractor, extractors_text());
  command->add_option("--protocol", arguments->protocol, protocols_text());
  command
      ->add_option("--set", arguments->settings,
                   "name=value, an option of the metric or of its extractor")
      ->allow_extra_args(false);
  command->add_option("--write-rows", arguments->write_rows,
                      "Keep the rows in this .safetensors file, for other metrics of them");
  command->add_option("--batch", arguments->batch, "Pictures in the network at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--device", arguments->device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_flag("--json", arguments->is_json, "Print JSON");
  command->footer(metrics_text());
  command->callback([arguments, &exit_code] { exit_code = run_score(*arguments); });
}

}  // namespace isocost::commands

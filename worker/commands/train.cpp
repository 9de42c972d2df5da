#include <CLI/CLI.hpp>
#include <memory>

#include "worker/commands/commands.h"
#include "worker/diffusion/training/command.h"
#include "worker/diffusion/training/report.h"

namespace isocost::commands {

void add_train(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<diffusion::TrainCommand>();
  auto* command = app.add_subcommand("train", "Trains a part of the mini family from its recipe");
  command->add_option("RECIPE", arguments->recipe, "experiments/mini/recipes/NAME.json")
      ->required();
  command->add_option("--out", arguments->out,
                      "Checkpoints and loss curve; without it ~/.cache/isocost/training/NAME");
  command->add_option("--family", arguments->family,
                      "Where the other parts lie and the finished one goes; without it the folder "
                      "above the recipe's");
  command
      ->add_option("--threads", arguments->threads, "Another number than 1 gives other last bits")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--checkpoint-seconds", arguments->checkpoint_seconds,
                   "So many of work are lost at most when it is killed; 0: of a step")
      ->capture_default_str()
      ->check(CLI::Range(0, 86400));
  command->callback(
      [arguments, &exit_code] { exit_code = diffusion::run_train_command(*arguments); });
}

void add_family_report(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<diffusion::FamilyReportOptions>();
  auto* command = app.add_subcommand("mini-report",
                                     "Measures the mini family's parts and draws their pictures");
  command->add_option("FAMILY", options->family, "experiments/mini")->required();
  command->add_option("--out", options->out, "Folder of quality.json and pictures")->required();
  command->callback([options, &exit_code] { exit_code = diffusion::run_family_report(*options); });
}

}  // namespace isocost::commands

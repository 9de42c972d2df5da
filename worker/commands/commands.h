// The subcommands of isocost-worker: each function adds one to the program, and its callback sets
// the exit code.
//
//   CLI::App app; int exit_code = 0;
//   add_verify(app, exit_code);
//
// A new command is a file here (or in the folder that owns it), a line below and a line in
// worker/main.cpp.
#pragma once

namespace CLI {
class App;
}

namespace isocost::commands {

void add_verify(CLI::App& app, int& exit_code);   // a model against a stored reference
void add_inspect(CLI::App& app, int& exit_code);  // what a model is and costs
void add_serve(CLI::App& app,
               int& exit_code);  // compute for a coordinator (not in an engine-only build)
void add_devices(CLI::App& app, int& exit_code);        // what there is to compute on (likewise)
void add_calibrate(CLI::App& app, int& exit_code);      // how fast networks run here (likewise)
void add_sample(CLI::App& app, int& exit_code);         // pictures of a prompt
void add_score(CLI::App& app, int& exit_code);          // a metric of pictures in a folder
void add_train(CLI::App& app, int& exit_code);          // a part of the mini family from its recipe
void add_family_report(CLI::App& app, int& exit_code);  // how good the mini family is

}  // namespace isocost::commands

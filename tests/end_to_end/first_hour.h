// A study, a coordinator and commands, for the tests of what a new user types and sees.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/submission_builder.h"
#include "tests/support/terminal.h"

namespace isocost::first_hour {

namespace fs = std::filesystem;
using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers)
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::Process;
using testing::program;
using testing::run;
using testing::submission_of;
using testing::Terminal;
using testing::wait_until;
using Words = std::vector<std::string>;

inline const fs::path kGrids = ISOCOST_SOURCE_DIR "/experiments";

inline Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The options of `more`, those that are there already with another value.
inline Words with(Words words, const Words& more) {
  for (std::size_t i = 0; i + 1 < more.size(); i += 2) {
    const auto option = std::find(words.begin(), words.end(), more[i]);
    if (option == words.end())
      words = joined(words, {more[i], more[i + 1]});
    else
      *(option + 1) = more[i + 1];
  }
  return words;
}

inline Finished isocost(const Words& words) {
  return run(joined({program("isocost")}, words), 60s);
}

class FirstHour : public ::testing::Test {
 protected:
  fs::path grid(const Submission& study, const std::string& file = "grid.json") {
    testing::write_text(folder / file, to_json(study).dump());
    return folder / file;
  }

  // A run of the submission, with what its workers need.
  Words run_command(const Submission& study, const Words& more = {}) {
    Words command{program("isocost"),
                  "run",
                  grid(study, study.name + ".json").string(),
                  "--out",
                  (folder / "out").string(),
                  "--http",
                  "http://127.0.0.1:0",
                  "--worker-program",
                  program("isocost-fake-worker")};
    for (const std::string& input : testing::inputs_of(study))
      command = joined(command, {"--worker-argument=--input", "--worker-argument=" + input});
    return joined(command, more);
  }

  // A coordinator, and commands to it.
  void serve(const Words& more = {}) {
    process.emplace(
        with({program("isocost"), "coordinator", "--db", (folder / "isocost.db").string(),
              "--listen", "tcp://127.0.0.1:0", "--http", "http://127.0.0.1:0", "--lease-seconds",
              "2", "--log", (folder / "coordinator.log").string()},
             more),
        folder / "log");
    url = told("page and commands: ");
    connect = told("workers connect to: ");
  }
  std::string told(const std::string& label) {
    std::string found;
    wait_until(
        [&] {
          const std::string log = process->log();
          const auto at = log.find(label);
          const auto end = log.find('\n', at == std::string::npos ? 0 : at);
          if (at == std::string::npos || end == std::string::npos) return false;
          found = log.substr(at + label.size(), end - at - label.size());
          return true;
        },
        30s, label, [&] { return process->log(); });
    return found;
  }
  Finished ask(const Words& words) { return isocost(joined(words, {"--coordinator", url})); }
  Words worker(const std::string& name, const Words& more = {}) {
    Words command{program("isocost-fake-worker"),
                  "serve",
                  "--connect",
                  connect,
                  "--name",
                  name,
                  "--state",
                  (folder / name).string(),
                  "--unit-ms",
                  "50"};
    for (const std::string& input : testing::inputs_of(submission))
      command = joined(command, {"--input", input});
    return with(command, more);
  }
  // Waits until `isocost events` tells this.
  void wait_for_event(const std::string& text) {
    wait_until([&] { return ask({"events"}).output.find(text) != std::string::npos; }, 60s, text,
               [&] { return ask({"events"}).output; });
  }

  testing::ScratchFolder folder;
  Submission submission = submission_of({.models = 1});
  std::optional<Process> process;
  std::string url, connect;
};

}  // namespace isocost::first_hour

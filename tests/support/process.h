// Real processes for end-to-end tests: start, watch, kill, and a wait that says what it saw.
//
//   Process worker({program("isocost-worker"), "serve", "--connect", url}, folder / "worker.log");
//   wait_until([&] { return exists(report); }, 60s, "the report", [&] { return worker.log(); });
//   worker.kill(SIGKILL);
//
// A Process that is still running when it goes out of scope is killed with its whole process group.
// Thread: one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace isocost::testing {

class Process {
 public:
  // stdout and stderr are appended to `log`.
  Process(std::vector<std::string> command, std::filesystem::path log);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  // Sends to the process, or to its whole group: a supervisor and what it supervises.
  void kill(int signal);
  void kill_group(int signal);
  // The exit status once it has ended: the exit code, or 128 + signal. Does not wait.
  [[nodiscard]] std::optional<int> status();
  // Fails the test when it has not ended within `limit`.
  int wait(std::chrono::milliseconds limit);
  [[nodiscard]] std::string log() const;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::filesystem::path log_;
};

struct Finished {
  int status = 0;
  std::string output;  // stdout and stderr as they came
};
// Runs to its end. Fails the test when that takes longer than `limit`.
Finished run(const std::vector<std::string>& command,
             std::chrono::milliseconds limit = std::chrono::minutes(5));

// Fails the test with `what` and what `seen` says when the condition does not come true in time.
void wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit,
                const std::string& what, const std::function<std::string()>& seen = {});

// Processes whose parent is one of `parents`.
[[nodiscard]] std::vector<pid_t> children_of(const std::vector<pid_t>& parents);

// Memory of a process in KiB, now and at its most; 0 when it is not there.
[[nodiscard]] long resident_kib(pid_t pid);
[[nodiscard]] long peak_kib(pid_t pid);

// build/<preset>/bin/<name>
[[nodiscard]] std::string program(const std::string& name);
// A port of 127.0.0.1 that was free a moment ago.
[[nodiscard]] int free_port();
// A fresh folder of the test's own, gone with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string read_text(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, const std::string& text);

}  // namespace isocost::testing

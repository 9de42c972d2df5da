// Worker processes that `isocost run` starts on this machine, each in a process group of its own.
//
//   LocalWorkers workers({.program = ..., .connect = endpoint, .folder = out / "workers", ...});
//   workers.start(2);
//   if (auto why = workers.all_ended()) ...
//   workers.stop();                          // SIGTERM, some patience, SIGKILL
//
// A worker that something killed is started again; one that ended by itself had a reason and is
// not. They end when this process does, whatever ends it. Thread: main (the parent death signal
// follows the thread that forked).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace isocost::cli {

struct LocalWorkersOptions {
  std::filesystem::path program;
  std::string connect;
  std::filesystem::path folder;     // spools and logs
  std::filesystem::path artifacts;  // shared with the coordinator; empty: each its own
  std::vector<std::filesystem::path> models;
  std::vector<std::string> arguments;  // --dtype, ...
  // What the first, second, ... worker computes on, and again from the first: "cuda:0", "cuda:1".
  // Empty: each chooses by itself.
  std::vector<std::string> devices;
};

// What workers can compute on here, as their program tells ("devices --json"): all GPUs, or else
// the CPU.
struct LocalDevice {
  std::string device;                 // "cuda:0", "cpu"
  Json description = Json::object();  // what a worker on it tells: device, name, memory_bytes
  [[nodiscard]] bool is_gpu() const { return device.starts_with("cuda"); }
};
// Fails with: the program cannot be run, does not answer within a minute, or answers otherwise.
[[nodiscard]] Result<std::vector<LocalDevice>> find_devices(const std::filesystem::path& program);
// One for each GPU, or for each core where there is none; one where nothing is known.
[[nodiscard]] int default_workers(const std::vector<LocalDevice>& devices);

// Beside this program, or in PATH. Fails with: there is none.
[[nodiscard]] Result<std::filesystem::path> find_worker_program(
    const std::filesystem::path& wished);

class LocalWorkers {
 public:
  explicit LocalWorkers(LocalWorkersOptions options) : options_(std::move(options)) {}
  ~LocalWorkers() { stop(); }
  LocalWorkers(const LocalWorkers&) = delete;
  LocalWorkers& operator=(const LocalWorkers&) = delete;

  // Throws std::system_error when a process cannot be started.
  void start(int count);
  // Starts killed ones again. When none runs or will run any more: how the last one ended and the
  // last lines that it wrote.
  [[nodiscard]] std::optional<std::string> all_ended();
  // Lets them finish what they compute, or hand it back at once when `is_hasty` says so.
  void stop(const std::function<bool()>& is_hasty = [] { return true; });

 private:
  struct Worker {
    std::string name;
    std::string device;  // empty: it chooses
    std::filesystem::path log;
    std::int64_t log_begin = 0;  // where this start's lines begin; those of earlier runs stay
    pid_t pid = -1;              // -1: ended
    int status = 0;
    std::chrono::steady_clock::time_point ended;
    int restarts = 0;
  };
  // Starts the process; name, device and log are set.
  void start_one(Worker& worker) const;
  [[nodiscard]] static bool is_coming_back(const Worker& worker);
  void reap();
  void signal_all(int signal) const;

  LocalWorkersOptions options_;
  std::vector<Worker> workers_;
};

}  // namespace isocost::cli

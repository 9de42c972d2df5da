#include "cli/local_workers.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

#include "cli/output_of.h"
#include "cli/signals.h"

namespace isocost::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{35};  // a little more than a worker's own grace
constexpr std::size_t kTailLines = 8;
// Before a killed worker comes back: what it computed with has let go of its folder by then.
constexpr std::chrono::seconds kRestartPause{1};
constexpr int kRestartsMax = 20;
constexpr std::chrono::seconds kDevicesMax{60};  // loading LibTorch with its GPU half takes a while

bool is_program(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0;
}

// "; its log FILE ends with:" and the last lines from `begin` on.
std::string tail_of(const fs::path& log, std::int64_t begin) {
  std::ifstream in(log);
  in.seekg(begin);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
    if (lines.size() > kTailLines) lines.erase(lines.begin());
  }
  if (lines.empty()) return "; it wrote nothing to its log " + log.string();
  std::string text = "; its log " + log.string() + " ends with:";
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  switch (WEXITSTATUS(status)) {  // those of isocost-worker serve
    case 2:
      return "was refused";
    case 3:
      return "found no coordinator";
    case 4:
      return "found no room on its disk";
    case kExitNotStarted:
      return "cannot be started";
    default:
      return "ended with code " + std::to_string(WEXITSTATUS(status));
  }
}

// Between fork and exec: only what is safe there.
[[noreturn]] void become(const std::vector<char*>& arguments, int log, pid_t parent) {
  ::setpgid(0, 0);
  end_with_parent(parent, SIGTERM);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  unblock_signals();
  ::execv(arguments[0], arguments.data());
  ::_exit(kExitNotStarted);
}

}  // namespace

Result<fs::path> find_worker_program(const fs::path& wished) {
  if (!wished.empty()) {
    if (is_program(wished)) return wished;
    return fail(wished.string(), "there is no such program", "isocost-worker");
  }
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  if (fs::path beside = own.parent_path() / "isocost-worker"; is_program(beside)) return beside;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (is_program(fs::path(folder) / "isocost-worker")) return fs::path(folder) / "isocost-worker";
  return fail("isocost-worker", "there is no such program beside isocost or in PATH",
              "a build with LibTorch, or --worker-program");
}

Result<std::vector<LocalDevice>> find_devices(const fs::path& program) {
  const auto told = output_of({program.string(), "devices", "--json"}, kDevicesMax);
  if (!told) return fail(told.error());
  const auto json = parse_json(*told, program.string());
  if (!json) return fail(json.error());
  std::vector<LocalDevice> devices;
  if (json->is_array())
    for (const Json& one : *json)
      if (one.is_object() && one.contains("device") && one.at("device").is_string())
        devices.push_back({one.at("device").get<std::string>(), one});
  if (devices.empty())
    return fail(program.string() + " devices", "it names no device", "a list of devices as JSON");
  return devices;
}

int default_workers(const std::vector<LocalDevice>& devices) {
  const auto gpus = std::count_if(devices.begin(), devices.end(),
                                  [](const LocalDevice& device) { return device.is_gpu(); });
  if (gpus > 0) return static_cast<int>(gpus);
  if (devices.empty()) return 1;
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

void LocalWorkers::start(int count) {
  fs::create_directories(options_.folder);
  for (int number = 1; number <= count; ++number) {
    Worker& worker = workers_.emplace_back();
    worker.name = "local-" + std::to_string(number);
    if (!options_.devices.empty())
      worker.device =
          options_.devices[static_cast<std::size_t>(number - 1) % options_.devices.size()];
    worker.log = options_.folder / (worker.name + ".log");
    start_one(worker);
  }
}

void LocalWorkers::start_one(Worker& worker) const {
  std::vector<std::string> texts{options_.program.string(),
                                 "serve",
                                 "--connect",
                                 options_.connect,
                                 "--name",
                                 worker.name,
                                 "--state",
                                 (options_.folder / worker.name).string()};
  if (!options_.artifacts.empty()) {
    texts.emplace_back("--artifacts");
    texts.push_back(options_.artifacts.string());
  }
  for (const fs::path& models : options_.models) {
    texts.emplace_back("--models");
    texts.push_back(models.string());
  }
  if (!worker.device.empty()) texts.insert(texts.end(), {"--device", worker.device});
  texts.insert(texts.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> arguments;
  arguments.reserve(texts.size() + 1);
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  const int log = ::open(worker.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw std::system_error(errno, std::generic_category(), worker.log.string());
  worker.log_begin = ::lseek(log, 0, SEEK_END);
  const pid_t parent = ::getpid();
  worker.pid = ::fork();
  if (worker.pid == 0) become(arguments, log, parent);
  ::close(log);
  if (worker.pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
}

void LocalWorkers::reap() {
  for (Worker& worker : workers_)
    if (worker.pid > 0 && ::waitpid(worker.pid, &worker.status, WNOHANG) == worker.pid) {
      worker.pid = -1;
      worker.ended = std::chrono::steady_clock::now();
    }
}

bool LocalWorkers::is_coming_back(const Worker& worker) {
  return worker.pid < 0 && WIFSIGNALED(worker.status) && worker.restarts < kRestartsMax;
}

std::optional<std::string> LocalWorkers::all_ended() {
  reap();
  bool has_any = false;
  for (Worker& worker : workers_) {
    has_any |= worker.pid > 0 || is_coming_back(worker);
    if (!is_coming_back(worker) || std::chrono::steady_clock::now() - worker.ended < kRestartPause)
      continue;
    ++worker.restarts;
    start_one(worker);
  }
  if (has_any) return std::nullopt;
  if (workers_.empty()) return "no worker was started";
  const Worker& last = workers_.back();
  return "the worker " + last.name + " " + describe(last.status) +
         tail_of(last.log, last.log_begin);
}

void LocalWorkers::signal_all(int signal) const {
  for (const Worker& worker : workers_)
    if (worker.pid > 0) ::kill(worker.pid, signal);
}

void LocalWorkers::stop(const std::function<bool()>& is_hasty) {
  signal_all(SIGTERM);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  bool is_told = false;
  for (reap(); std::chrono::steady_clock::now() < end; reap()) {
    bool has_any = false;
    for (const Worker& worker : workers_) has_any |= worker.pid > 0;
    if (!has_any) break;
    ::usleep(50'000);
    if (is_told || !is_hasty()) continue;
    signal_all(SIGTERM);
    is_told = true;
  }
  for (Worker& worker : workers_) {
    if (worker.pid <= 0) continue;
    ::kill(-worker.pid, SIGKILL);
    ::waitpid(worker.pid, &worker.status, 0);
    worker.pid = -1;
  }
}

}  // namespace isocost::cli

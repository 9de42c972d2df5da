#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace isocost::testing {

namespace fs = std::filesystem;

Process::Process(std::vector<std::string> command, fs::path log) : log_(std::move(log)) {
  std::vector<char*> arguments;
  for (std::string& part : command) arguments.push_back(part.data());
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ > 0) return;
  // A group of its own, so that a supervisor and its children can be killed together.
  setpgid(0, 0);
  const int out = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (out >= 0) {
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
  }
  execv(arguments[0], arguments.data());
  _exit(127);
}

Process::Process(Process&& other) noexcept
    : pid_(other.pid_), status_(other.status_), log_(std::move(other.log_)) {
  other.pid_ = -1;
}

Process::~Process() {
  if (pid_ < 0) return;
  if (!status()) {
    kill_group(SIGKILL);
    kill(SIGKILL);
    int ignored = 0;
    waitpid(pid_, &ignored, 0);
  } else {
    kill_group(SIGKILL);
  }
}

void Process::kill(int signal) { ::kill(pid_, signal); }
void Process::kill_group(int signal) { ::kill(-pid_, signal); }

std::optional<int> Process::status() {
  if (status_) return status_;
  int raw = 0;
  if (waitpid(pid_, &raw, WNOHANG) == pid_) {
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  }
  return status_;
}

int Process::wait(std::chrono::milliseconds limit) {
  wait_until([&] { return status().has_value(); }, limit,
             "the end of process " + std::to_string(pid_), [&] { return log(); });
  return status_.value_or(-1);
}

std::string Process::log() const { return fs::exists(log_) ? read_text(log_) : std::string(); }

Finished run(const std::vector<std::string>& command, std::chrono::milliseconds limit) {
  const ScratchFolder folder;
  Process process(command, folder / "output");
  Finished finished;
  finished.status = process.wait(limit);
  finished.output = process.log();
  return finished;
}

void wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit,
                const std::string& what, const std::function<std::string()>& seen) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "waited " << limit.count() << " ms in vain for " << what
                    << (seen ? "; seen:\n" + seen() : std::string());
      throw std::runtime_error("waited in vain for " + what);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

namespace {

long status_number(pid_t pid, const std::string& key) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with(key + ":")) return std::strtol(line.c_str() + key.size() + 1, nullptr, 10);
  return 0;
}

}  // namespace

long resident_kib(pid_t pid) { return status_number(pid, "VmRSS"); }
long peak_kib(pid_t pid) { return status_number(pid, "VmHWM"); }

std::string program(const std::string& name) {
  return std::string(ISOCOST_BINARY_DIR) + "/bin/" + name;
}

int free_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  // The socket interface takes every address family through one pointer type.
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket_fd, any, size) != 0 || getsockname(socket_fd, any, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "bind");
  }
  close(socket_fd);
  return ntohs(address.sin_port);
}

ScratchFolder::ScratchFolder() {
  std::string name = (fs::temp_directory_path() / "isocost-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), name);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

std::vector<pid_t> children_of(const std::vector<pid_t>& parents) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    // A process that ends meanwhile cannot be read: getline says so without throwing.
    std::ifstream in(entry.path() / "stat");
    std::string stat;
    if (!std::getline(in, stat)) continue;
    const std::size_t end = stat.rfind(')');
    if (end == std::string::npos || end + 4 >= stat.size()) continue;
    const pid_t parent = static_cast<pid_t>(std::strtol(stat.c_str() + end + 4, nullptr, 10));
    if (std::find(parents.begin(), parents.end(), parent) != parents.end()) {
      children.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return children;
}

}  // namespace isocost::testing
